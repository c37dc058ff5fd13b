"""RAM, system memory, data EEPROM and the device feature bytes."""

from collections.abc import Iterator

from dfu_emulator.memory.region import MemoryFault, PlainRegion
from dfu_emulator.profile.model import DeviceFeature as DeviceFeatureProfile
from dfu_emulator.profile.model import Eeprom as EepromProfile
from dfu_emulator.profile.model import Range
from dfu_emulator.profile.model import SystemMemory as SystemMemoryProfile
from dfu_protocol import Status


class Ram(PlainRegion):
    """A part of the RAM that the ROM leaves free."""

    def __init__(self, area: Range) -> None:
        start, end = area
        super().__init__(start, bytearray(end - start))

    def write(self, address: int, data: bytes) -> None:
        offset = address - self.start
        self.cells[offset : offset + len(data)] = data

    def erase(self) -> None:
        """All zero, as after a read unprotect."""
        self.cells[:] = bytes(len(self.cells))


class Eeprom(Ram):
    """Data EEPROM: a write replaces what is there; erased it is all zero."""

    def __init__(self, profile: EepromProfile) -> None:
        super().__init__((profile.start, profile.start + profile.size))


class SystemMemory(PlainRegion):
    """The ROM: readable, never writable. ST's code is not part of this project, so it reads as 0xFF."""

    def __init__(self, area: Range) -> None:
        start, end = area
        super().__init__(start, bytearray(b"\xff" * (end - start)))

    def write(self, address: int, data: bytes) -> None:
        raise MemoryFault(Status.TARGET)


def system_memory(profile: SystemMemoryProfile) -> Iterator[SystemMemory]:
    """All areas of it; one of them has the bootloader id."""
    number, address = profile.bootloader_id_bytes, profile.bootloader_id_address
    for area in profile.areas:
        memory = SystemMemory(area)
        if address is not None and memory.start <= address < memory.end:
            offset = address - memory.start
            memory.cells[offset : offset + len(number)] = number
        yield memory


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
