"""Option bytes: read protection, write protection and user options."""

from dfu_emulator.memory.region import PlainRegion
from dfu_emulator.profile.model import OptionBytes as OptionBytesProfile


class OptionBytes(PlainRegion):
    """Written only as a whole, from the first byte on; anything else is ignored (AN2662)."""

    def __init__(self, profile: OptionBytesProfile) -> None:
        super().__init__(profile.start, bytearray(profile.factory))
        self._profile = profile

    def write(self, address: int, data: bytes) -> None:
        if self.takes(address, data):
            self.cells[:] = data

    def takes(self, address: int, data: bytes) -> bool:
        """True for a write of the whole area."""
        return address == self.start and len(data) == len(self.cells)

    @property
    def rdp_level(self) -> int:
        """Read protection level: 0, 1 or 2."""
        rdp = self._profile.rdp
        value = self.cells[rdp.offset]
        if value == rdp.level0:
            return 0
        return 2 if value == rdp.level2 else 1

    @rdp_level.setter
    def rdp_level(self, level: int) -> None:
        rdp = self._profile.rdp
        # Any third value is level 1; 0x55 is the customary one.
        self.cells[rdp.offset] = {0: rdp.level0, 2: rdp.level2}.get(level, 0x55)

    def is_write_protected(self, sector: int) -> bool:
        """True where the sector's nWRP bit is 0. Sectors without a bit cannot be protected."""
        wrp = self._profile.wrp
        if sector >= wrp.sectors:
            return False
        return not self.cells[wrp.offset + sector // 8] >> sector % 8 & 1
