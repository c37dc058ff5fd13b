"""One chip: its memories, its protection and its boot pin. All that outlives the bootloader's state."""

from struct import unpack

from dfu_emulator.memory import (
    DeviceFeature,
    Eeprom,
    Flash,
    FlashImage,
    MemoryMap,
    OptionBytes,
    Otp,
    Ram,
    Region,
    system_memory,
)
from dfu_emulator.profile import Profile
from dfu_emulator.protection import Protection


class Chip:
    """The silicon of ``profile``. ``boot0`` is the level of the BOOT0 pin, which a reset looks at."""

    def __init__(self, profile: Profile, image: FlashImage | None = None, boot0: bool = True) -> None:
        memory = profile.memory
        self.profile = profile
        self.boot0 = boot0
        self.flash = (
            Flash(memory.flash, image.cells, image.write) if image is not None else Flash(memory.flash)
        )
        self.ram = [Ram(area) for area in memory.ram]
        self._eeprom = [Eeprom(memory.eeprom)] if memory.eeprom else []
        self.option_bytes = OptionBytes(memory.option_bytes)
        self.device_feature = DeviceFeature(memory.device_feature) if memory.device_feature else None
        regions: list[Region] = [self.flash, *self.ram, *self._eeprom, *self.option_bytes.areas]
        regions += system_memory(memory.system)
        if memory.otp:
            regions.append(Otp(memory.otp))
        if self.device_feature:
            regions.append(self.device_feature)
        self.map = MemoryMap(regions)
        self.protection = Protection(profile.protection, self.option_bytes)

    def reset(self) -> None:
        """What a system reset undoes."""
        self.flash.reset()
        if self.device_feature:
            self.device_feature.reset()

    @property
    def width(self) -> str | None:
        """Width of programming, a key into ``timing.flash``; None for the profile's first."""
        return self.device_feature.width if self.device_feature else None

    def erase_all(self) -> None:
        """Erase the whole flash, write protection or not."""
        for sector in self.flash.sectors:
            self.flash.erase(sector)

    def unprotect(self) -> None:
        """Back to read protection level 0, for which flash, EEPROM and RAM are erased (AN2662)."""
        self.erase_all()
        for memory in (*self.ram, *self._eeprom):
            memory.erase()
        self.option_bytes.rdp_level = 0

    def boots_into_rom(self) -> bool:
        """True where a reset leads to the bootloader: by BOOT0, but never at read protection level 2."""
        return self.boot0 and self.option_bytes.rdp_level != 2

    def is_executable(self, address: int) -> bool:
        """True where ``address`` holds a vector table: a stack pointer into RAM, a Thumb reset vector."""
        region = self.map.find(address)
        if region is None or region.end - address < 8:
            return False
        stack_pointer, reset_vector = unpack("<II", region.read(address, 8))
        stacks = self.profile.memory.stacks
        in_ram = any(start < stack_pointer <= end for start, end in stacks) and stack_pointer % 4 == 0
        return in_ram and reset_vector % 2 == 1 and self.map.find(reset_vector - 1) is not None
