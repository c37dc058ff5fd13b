"""Chip profiles: YAML files that say what one STM32's bootloader is and does."""

from dfu_emulator.profile.errors import ProfileError
from dfu_emulator.profile.evidence import evidence_for
from dfu_emulator.profile.loader import changed, load
from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.shipped import available

__all__ = ["Profile", "ProfileError", "available", "changed", "evidence_for", "load"]
