"""The chip of the tests: a shipped profile, with every rule that the tests build on spelled out."""

from functools import cache
from typing import Any

from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import (
    AbortInError,
    BlockSize,
    BusyModel,
    ClrStatus,
    Detach,
    FirstContact,
    HeldAt,
    OutsideMap,
    Overwrite,
    Rdp1,
    WriteProtection,
)
from emulator.host import variant

RULES: dict[str, dict[str, Any]] = {
    "bootloader": {
        "commands": (0x00, 0x21, 0x41, 0x92),
        "first_contact": FirstContact.ERR_FIRMWARE,
        "clrstatus": ClrStatus.ERROR,
        "abort_in_error": AbortInError.ERROR,
        "detach": Detach.STALL,
        "block_size": BlockSize.WTRANSFERSIZE,
        "outside_map": OutsideMap.TARGET,
        "busy": BusyModel.BLOCK,
        "held_at": HeldAt.NEXT,
    },
    "protection": {
        "read": Rdp1.VENDOR,
        "write": Rdp1.VENDOR,
        "erase": Rdp1.VENDOR,
        "set_address": Rdp1.VENDOR,
        "wrp": WriteProtection.SILENT,
        "option_bytes_readable": False,
    },
    "memory.flash": {
        "erased": 0xFF,
        "write_alignment": 4,
        "program_width": 4,
        "overwrite": Overwrite.CLEAR_BITS,
    },
}


@cache
def stm32f405() -> Profile:
    """The STM32F405, whatever the shipped profile comes to say."""
    profile = load("stm32f405")
    for section, fields in RULES.items():
        profile = variant(profile, section, **fields)
    return profile
