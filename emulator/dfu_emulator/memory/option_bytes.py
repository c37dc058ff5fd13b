"""Option bytes: read protection, write protection and user options."""

from dfu_emulator.memory.region import PlainRegion
from dfu_emulator.profile.model import OptionArea as OptionAreaProfile
from dfu_emulator.profile.model import OptionBytes as OptionBytesProfile


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
        area = self.areas[0]
        values = bytearray(area.cells)
        values[rdp.offset] = value
        area.write(area.start, bytes(values))

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
