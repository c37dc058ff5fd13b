"""The memory map, as far as the bootloader reaches."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from dfu_emulator.profile.model.section import U8, U16, U32, Range, Section
from dfu_emulator.profile.scalars import HexBytes, Sectors, Size


class Overwrite(Enum):
    """Programming cells that are not erased."""

    CLEAR_BITS = "clear-bits"
    """Bits go from the erased value to its opposite, never back; no error."""
    PROG = "errPROG"
    PROG_UNLESS_ZERO = "errPROG-unless-zero"
    """errPROG, but anything may become all zeros."""
    VERIFY = "errVERIFY"


class Flash(Section, frozen=True):
    """Main flash memory."""

    also = ("size",)

    start: U32
    sectors: Annotated[tuple[Sectors, ...], Meta(min_length=1)]
    erased: U8
    write_alignment: Annotated[int, Meta(ge=1, le=32)]
    """Address and length of a write are multiples of this many bytes; others fail, and so do later ones."""
    program_width: Annotated[int, Meta(ge=1, le=32)]
    """Bytes that are programmed at once; with ECC, those that share it."""
    overwrite: Overwrite
    as_in_layout: bool = True
    """False where the first alternate's layout string does not tell the truth."""

    @property
    def size(self) -> int:
        """Bytes in all sectors."""
        return sum(count * size for count, size in self.sectors)


class SystemMemory(Section, frozen=True):
    """Readable ROM. Its contents are ST's: all reads as 0xFF, but for the bootloader id."""

    areas: Annotated[tuple[Range, ...], Meta(min_length=1)]
    bootloader_id: U16 | None = None
    bootloader_id_address: U32 | None = None

    @property
    def bootloader_id_bytes(self) -> bytes:
        """The id as it stands in memory: a byte, or two if it is above 0xFF; none if there is no id."""
        number = self.bootloader_id
        return b"" if number is None else number.to_bytes(2 if number > 0xFF else 1, "little")


class Rdp(Section, frozen=True):
    """The read protection byte in the first area; any value but these two is level 1."""

    offset: U8
    level0: U8
    level2: U8 | None = None


class WrpBits(Section, frozen=True):
    """Write protection bits, from ``first_bit`` of the byte at ``offset`` on."""

    offset: U16
    bits: Annotated[int, Meta(ge=1, le=128)]
    area: U8 = 0
    first_bit: Annotated[int, Meta(ge=0, le=7)] = 0
    first_sector: U16 = 0
    sectors: Annotated[int, Meta(ge=1, le=4096)] = 1
    """That each bit stands for."""
    protects: Annotated[int, Meta(ge=0, le=1)] = 0
    """The bit's value for a protected sector."""


class WrpRange(Section, frozen=True):
    """Write protection from one sector to another, both included; none where the first is the greater."""

    first: U16
    """Offset of the byte with the number of the first protected sector."""
    last: U16
    """The same for the last."""
    area: U8 = 0
    first_sector: U16 = 0
    """The sector that counts as 0."""


class OptionArea(Section, frozen=True):
    """A run of option bytes, and what the factory writes into it."""

    start: U32
    factory: HexBytes

    @property
    def size(self) -> int:
        """Bytes in the area."""
        return len(self.factory)


class OptionBytes(Section, frozen=True):
    """Option bytes as the bootloader shows them."""

    areas: Annotated[tuple[OptionArea, ...], Meta(min_length=1, max_length=4)]
    rdp: Rdp
    wrp_bits: tuple[WrpBits, ...] = ()
    wrp_ranges: tuple[WrpRange, ...] = ()
    complement: Annotated[int, Meta(ge=0, le=4)] = 0
    """After each run of this many bytes the chip keeps their complement; 0 if it keeps none."""

    def with_complements(self, values: bytes) -> bytes:
        """An area as the chip keeps it, whatever was written for the complements."""
        width = self.complement
        kept = bytearray(values)
        for start in range(0, len(kept), 2 * width) if width else ():
            value = kept[start : start + width]
            kept[start + width : start + 2 * width] = bytes(byte ^ 0xFF for byte in value)
        return bytes(kept)


class Otp(Section, frozen=True):
    """One-time programmable memory: ``blocks`` of ``block`` bytes."""

    start: U32
    blocks: Annotated[int, Meta(ge=1, le=255)]
    block: Size
    lock_bytes: bool
    """Whether a lock byte for each block follows the blocks."""
    write_once: U8 = 0
    """Bytes that can be programmed only together and once; 0 where single bits can be cleared later."""

    @property
    def size(self) -> int:
        """Bytes in the area, lock bytes included."""
        return self.blocks * (self.block + self.lock_bytes)


class Eeprom(Section, frozen=True):
    """Data EEPROM: written byte by byte without an erase before, and erased by no command."""

    start: U32
    size: Size


class DeviceFeature(Section, frozen=True):
    """Four bytes of which the first selects the supply voltage, and by it the width of programming."""

    start: U32
    voltage_ranges: Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]
    """The key into ``timing.flash`` for each value of the byte."""


class Memory(Section, frozen=True):
    """The memory map, as far as the bootloader reaches."""

    flash: Flash
    system: SystemMemory
    option_bytes: OptionBytes
    stacks: Annotated[tuple[Range, ...], Meta(min_length=1)]
    """Each RAM that an application's initial stack pointer may point into."""
    ram: tuple[Range, ...] = ()
    """What the ROM leaves to hosts of the RAM."""
    otp: Otp | None = None
    eeprom: Eeprom | None = None
    device_feature: DeviceFeature | None = None
