"""The DfuSe state machine of the ROM: pure, without a clock, a file, a thread or a USB library."""

from dfu_emulator.bootloader.jobs import Departure, Reason
from dfu_emulator.bootloader.machine import ACKNOWLEDGED, NEVER, Bootloader, Reply, stalled

__all__ = ["ACKNOWLEDGED", "NEVER", "Bootloader", "Departure", "Reason", "Reply", "stalled"]
