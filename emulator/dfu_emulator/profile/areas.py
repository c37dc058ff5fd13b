"""Which part of the address space each memory has."""

from collections.abc import Iterator
from dataclasses import dataclass

from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.model import Memory

_LABELS = {
    "flash": "flash",
    "ram": "RAM",
    "system": "system memory",
    "option_bytes": "option bytes",
    "otp": "OTP",
    "eeprom": "EEPROM",
    "device_feature": "device feature",
}


@dataclass(frozen=True, slots=True)
class Area:
    """``size`` bytes from ``start`` on; ``key`` is where the profile says so."""

    key: Key
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind."""
        return self.start + self.size

    @property
    def memory(self) -> str:
        """The section's name in ``memory``."""
        return str(self.key[1])

    @property
    def label(self) -> str:
        """What people call it."""
        return _LABELS[self.memory]


def areas(memory: Memory) -> Iterator[Area]:
    """Each area that a host can name by an address."""
    yield Area(("memory", "flash", "start"), memory.flash.start, memory.flash.size)
    for index, (start, end) in enumerate(memory.ram):
        yield Area(("memory", "ram", index), start, end - start)
    for index, (start, end) in enumerate(memory.system.areas):
        yield Area(("memory", "system", "areas", index), start, end - start)
    for index, area in enumerate(memory.option_bytes.areas):
        yield Area(("memory", "option_bytes", "areas", index, "start"), area.start, area.size)
    if memory.otp:
        yield Area(("memory", "otp", "start"), memory.otp.start, memory.otp.size)
    if memory.eeprom:
        yield Area(("memory", "eeprom", "start"), memory.eeprom.start, memory.eeprom.size)
    if memory.device_feature:
        yield Area(("memory", "device_feature", "start"), memory.device_feature.start, 4)
