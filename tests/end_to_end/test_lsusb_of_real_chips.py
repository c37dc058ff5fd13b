"""Real lsusb -v of emulated chips against what it printed of real ones, line by line."""

import re

import pytest

from dfu_emulator.profile import load
from end_to_end.conftest import MakeBus
from end_to_end.lsusb_texts import F4DISCOVERY, F107_BCD_2000, F107_BCD_2200, F401RE, RealChip

pytestmark = pytest.mark.usefixtures("lsusb")


@pytest.mark.parametrize(
    ("chip", "rom", "real"),
    [
        ("stm32f107", "2000", F107_BCD_2000),
        ("stm32f107", "2200", F107_BCD_2200),
        ("stm32f401re", None, F401RE),
        ("stm32f405", "2100", F4DISCOVERY),
    ],
    ids=lambda value: value.serial if isinstance(value, RealChip) else None,
)
def test_all_that_lsusb_says_of_a_real_chip(
    make_bus: MakeBus, chip: str, rom: str | None, real: RealChip
) -> None:
    done = make_bus(load(chip, rom_version=rom), serial=real.serial).run("lsusb", "-v")
    assert done.code == 0
    assert lines(done.stdout.partition("\n")[2])[1:] == lines(real.text)


# What lsusb says in words depends on its version: "(Defined at Interface level)" and the names of vendors.
_WORDS = re.compile(
    r"( +(?:bDevice(?:Class|SubClass|Protocol)|bInterface(?:Class|SubClass|Protocol)|id\w+) +\S+).*"
)


def lines(text: str) -> list[str]:
    """The lines of a listing, without words for what a number says already."""
    return [_WORDS.sub(r"\1", line).rstrip() for line in text.splitlines() if line.strip()]
