"""Option bytes: read protection, write protection and user options."""

from collections.abc import Collection, Iterable

from dfu_emulator.memory.region import PlainRegion
from dfu_emulator.profile.model import OptionArea as OptionAreaProfile
from dfu_emulator.profile.model import OptionBytes as OptionBytesProfile

_LARGEST = 0xFF
"""Number of a sector in the byte of a range, counted from where the range counts."""


class OptionArea(PlainRegion):
    """Written only as a whole, from the first byte on; anything else is ignored (AN2662)."""

    def __init__(self, options: OptionBytesProfile, profile: OptionAreaProfile) -> None:
        super().__init__(profile.start, bytearray(profile.factory))
        self._options = options

    def write(self, address: int, data: bytes) -> None:
        if self.takes(address, data):
            self.cells[:] = self._options.with_complements(data)

    def takes(self, address: int, data: bytes) -> bool:
        """True for a write of the whole area."""
        return address == self.start and len(data) == len(self.cells)


class OptionBytes:
    """All option bytes of a chip; ``areas`` are what a host can reach of them."""

    def __init__(self, profile: OptionBytesProfile) -> None:
        self._profile = profile
        self.areas = [OptionArea(profile, area) for area in profile.areas]

    @property
    def rdp_level(self) -> int:
        """Read protection level: 0, 1 or 2."""
        rdp = self._profile.rdp
        value = self.areas[0].cells[rdp.offset]
        if value == rdp.level0:
            return 0
        return 2 if value == rdp.level2 else 1

    @rdp_level.setter
    def rdp_level(self, level: int) -> None:
        rdp = self._profile.rdp
        # Any third value is level 1; 0x55 is the customary one.
        level1 = next(value for value in (0x55, 0x00, 0xFF) if value not in (rdp.level0, rdp.level2))
        value = (rdp.level0, level1, rdp.level2)[level]
        if value is None:
            raise ValueError("this chip has no read protection level 2")
        self._set(0, rdp.offset, value)

    def write_protect(self, sectors: Collection[int]) -> None:
        """Protect ``sectors``, and those that share a bit with them. Raises ValueError if that cannot be."""
        by_range = [sector for sector in sectors if not self._protect_by_bit(sector)]
        free = list(self._profile.wrp_ranges)
        for bank, first, last in _runs((self._bank(sector), sector) for sector in by_range):
            limits = next((limits for limits in free if limits.first_sector == bank), None)
            if limits is None:
                raise ValueError(f"its option bytes cannot protect sector {first} together with the others")
            free.remove(limits)
            self._set(limits.area, limits.first, first - bank)
            self._set(limits.area, limits.last, last - bank)

    def _bank(self, sector: int) -> int:
        """The sector from which the ranges count that can protect this one."""
        banks = [limits.first_sector for limits in self._profile.wrp_ranges]
        bank = max((first for first in banks if first <= sector), default=None)
        if bank is None or sector - bank > _LARGEST:
            raise ValueError(f"its option bytes cannot protect sector {sector}")
        return bank

    def _protect_by_bit(self, sector: int) -> bool:
        for group in self._profile.wrp_bits:
            number = (sector - group.first_sector) // group.sectors
            if 0 <= number < group.bits:
                index, bit = divmod(group.first_bit + number, 8)
                offset = group.offset + index
                value, mask = self.areas[group.area].cells[offset], 1 << bit
                self._set(group.area, offset, value | mask if group.protects else value & ~mask)
                return True
        return False

    def _set(self, area: int, offset: int, value: int) -> None:
        values = bytearray(self.areas[area].cells)
        values[offset] = value
        self.areas[area].write(self.areas[area].start, bytes(values))

    def is_write_protected(self, sector: int) -> bool:
        """True where one of the chip's ways to protect sectors protects this one."""
        for group in self._profile.wrp_bits:
            number = (sector - group.first_sector) // group.sectors
            if 0 <= number < group.bits:
                index, bit = divmod(group.first_bit + number, 8)
                if self.areas[group.area].cells[group.offset + index] >> bit & 1 == group.protects:
                    return True
        for limits in self._profile.wrp_ranges:
            cells = self.areas[limits.area].cells
            if cells[limits.first] <= sector - limits.first_sector <= cells[limits.last]:
                return True
        return False


def _runs(sectors: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Of sectors, each behind its bank: the bank, the first and the last of each run of neighbours."""
    runs: list[tuple[int, int, int]] = []
    for bank, sector in sorted(sectors):
        if runs and runs[-1][0] == bank and runs[-1][2] + 1 >= sector:
            runs[-1] = (bank, runs[-1][1], sector)
        else:
            runs.append((bank, sector, sector))
    return runs
