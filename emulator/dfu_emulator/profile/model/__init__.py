"""What a profile holds. The published JSON Schema is made from these classes.

Names of USB fields are the standard's own. Every value has its evidence, see Evidence.
"""

from collections.abc import Iterator
from enum import Enum
from itertools import chain, repeat
from typing import Annotated, Any

from msgspec import Meta, field

from dfu_emulator.profile.model.memory import (
    DeviceFeature,
    Eeprom,
    Flash,
    Memory,
    OptionArea,
    OptionBytes,
    Otp,
    Overwrite,
    Rdp,
    SystemMemory,
    WrpBits,
    WrpRange,
)
from dfu_emulator.profile.model.rules import (
    AbortInError,
    BlockSize,
    Bootloader,
    BusyModel,
    ClrStatus,
    Detach,
    FirstContact,
    HeldAt,
    OutsideMap,
    ProtectionRules,
    Rdp1,
    WriteProtection,
)
from dfu_emulator.profile.model.section import Range, Section
from dfu_emulator.profile.model.timing import FlashTimes, PollTimeouts, Span, Timing
from dfu_emulator.profile.model.usb import Configuration, DfuFunctional, LoneFunctional, SerialRule, Usb
from dfu_emulator.profile.scalars import HexBytes

__all__ = [
    "AbortInError",
    "BlockSize",
    "Bootloader",
    "BusyModel",
    "ClrStatus",
    "Configuration",
    "Detach",
    "DeviceFeature",
    "DfuFunctional",
    "Eeprom",
    "Evidence",
    "EvidenceKind",
    "FirstContact",
    "Flash",
    "FlashTimes",
    "HeldAt",
    "LoneFunctional",
    "Memory",
    "OptionArea",
    "OptionBytes",
    "Otp",
    "OutsideMap",
    "Overwrite",
    "PollTimeouts",
    "Profile",
    "ProtectionRules",
    "Range",
    "Rdp",
    "Rdp1",
    "SerialRule",
    "Span",
    "SystemMemory",
    "Timing",
    "Usb",
    "WriteProtection",
    "WrpBits",
    "WrpRange",
]


class EvidenceKind(Enum):
    """How a value is known."""

    HARDWARE = "hardware"
    """Printed by a real chip."""
    DOCUMENT = "document"
    """Text of the vendor, or of a project that works with the chip."""
    INFERRED = "inferred"
    """Deduced, not seen."""


class Evidence(Section, frozen=True):
    """Where values come from. ``of`` lists keys; a key covers all below it unless a longer one does.

    It speaks of what its own file says, not of what a file that extends that one says instead.
    """

    kind: EvidenceKind
    source: str
    of: tuple[str, ...]


class Profile(Section, frozen=True):
    """One chip."""

    name: str
    family: str
    part: str
    usb: Usb
    dfu: DfuFunctional
    alternates: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    """iInterface of each alternate setting, verbatim."""
    bootloader: Bootloader
    protection: ProtectionRules
    memory: Memory
    timing: Timing
    alternate_tails: tuple[HexBytes, ...] = ()
    """Bytes that the alternates' string descriptors have after the text, from alternate 0 on."""
    aliases: tuple[str, ...] = ()
    """Other parts that are this chip to a host."""
    rom_version: str = ""
    """What the ROM that is described is called among ``rom_versions``."""
    rom_versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other ROMs of the part: by name, what is different."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def alternate_strings(self) -> Iterator[tuple[str, bytes]]:
        """Of each alternate, iInterface and what its descriptor has after that."""
        return zip(self.alternates, chain(self.alternate_tails, repeat(b"")), strict=False)
