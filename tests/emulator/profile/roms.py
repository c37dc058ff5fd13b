"""Every shipped profile, in each of its ROM versions."""

import pytest

from dfu_emulator.profile import available, load

ROMS = [(name, version) for name in available() for version in (None, *load(name).rom_versions)]
each_rom = pytest.mark.parametrize(
    ("name", "version"), ROMS, ids=[f"{name} {version or ''}".strip() for name, version in ROMS]
)
