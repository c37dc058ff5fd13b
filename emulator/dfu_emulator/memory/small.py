"""RAM, system memory and the device feature bytes."""

from dfu_emulator.memory.region import MemoryFault, PlainRegion
from dfu_emulator.profile.model import DeviceFeature as DeviceFeatureProfile
from dfu_emulator.profile.model import Ram as RamProfile
from dfu_emulator.profile.model import SystemMemory as SystemMemoryProfile
from dfu_protocol import Status


class Ram(PlainRegion):
    """What the ROM leaves free of the RAM."""

    def __init__(self, profile: RamProfile) -> None:
        super().__init__(profile.start + profile.reserved, bytearray(profile.size - profile.reserved))

    def write(self, address: int, data: bytes) -> None:
        offset = address - self.start
        self.cells[offset : offset + len(data)] = data

    def erase(self) -> None:
        """All zero, as after a read unprotect."""
        self.cells[:] = bytes(len(self.cells))


class SystemMemory(PlainRegion):
    """The ROM: readable, never writable. ST's code is not part of this project, so it reads as 0xFF."""

    def __init__(self, profile: SystemMemoryProfile) -> None:
        super().__init__(profile.start, bytearray(b"\xff" * profile.size))
        offset = profile.bootloader_id_address - profile.start
        if 0 <= offset < profile.size:
            self.cells[offset] = profile.bootloader_id

    def write(self, address: int, data: bytes) -> None:
        raise MemoryFault(Status.TARGET)


class DeviceFeature(PlainRegion):
    """Byte 0 selects the supply voltage, by it the width of programming; the others are 0xFF (AN2606)."""

    _AFTER_RESET = b"\x00\xff\xff\xff"

    def __init__(self, profile: DeviceFeatureProfile) -> None:
        super().__init__(profile.start, bytearray(self._AFTER_RESET))
        self._ranges = profile.voltage_ranges

    def reset(self) -> None:
        """Back to programming by bytes."""
        self.cells[:] = self._AFTER_RESET

    @property
    def width(self) -> str:
        """Key of the times that apply, e.g. ``x8``."""
        return self._ranges[self.cells[0]]

    def write(self, address: int, data: bytes) -> None:
        """Raises MemoryFault with errTARGET for anything but a voltage range and three 0xFF."""
        valid = len(data) == len(self.cells) and data[0] < len(self._ranges) and data[1:] == b"\xff" * 3
        if address != self.start or not valid:
            raise MemoryFault(Status.TARGET)
        self.cells[:] = data
