"""Chip profiles: YAML files that say what one STM32's bootloader is and does."""

from dfu_emulator.profile.loader import ProfileError, available, load
from dfu_emulator.profile.model import Profile

__all__ = ["Profile", "ProfileError", "available", "load"]
