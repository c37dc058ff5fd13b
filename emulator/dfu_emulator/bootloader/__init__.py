"""The DfuSe state machine of the ROM: pure, without a clock, a file, a thread or a USB library."""

from dfu_emulator.bootloader.jobs import Departure, Effect, Job, Reason
from dfu_emulator.bootloader.machine import ACKNOWLEDGED, NEVER, Bootloader, Reply, stalled

__all__ = ["ACKNOWLEDGED", "NEVER", "Bootloader", "Departure", "Effect", "Job", "Reason", "Reply", "stalled"]
