"""What the bootloader reads, erases and programs: each memory with its own rules, at its address."""

from dfu_emulator.memory.flash import Flash
from dfu_emulator.memory.image import FlashImage, ImageError
from dfu_emulator.memory.map import MemoryMap
from dfu_emulator.memory.option_bytes import OptionArea, OptionBytes
from dfu_emulator.memory.otp import Otp
from dfu_emulator.memory.region import MemoryFault, Region
from dfu_emulator.memory.small import DeviceFeature, Eeprom, Ram, SystemMemory, system_memory

__all__ = [
    "DeviceFeature",
    "Eeprom",
    "Flash",
    "FlashImage",
    "ImageError",
    "MemoryFault",
    "MemoryMap",
    "OptionArea",
    "OptionBytes",
    "Otp",
    "Ram",
    "Region",
    "SystemMemory",
    "system_memory",
]
