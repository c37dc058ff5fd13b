"""What is left in the flash of a job that lost its power."""

from random import Random

import pytest
from msgspec.structs import replace

from dfu_emulator.bootloader import Effect
from dfu_emulator.memory import Flash
from dfu_emulator.profile import Profile
from dfu_emulator.scenario.damage import interrupt
from emulator.host import FLASH

PAGE = 0x4000


@pytest.fixture
def flash(f405: Profile) -> Flash:
    """Programmed with 16 bytes at once."""
    return Flash(replace(f405.memory.flash, program_width=16))


def interrupted(flash: Flash, done: float, *effects: Effect) -> list[tuple[int, int]]:
    """Do ``effects`` on an empty flash, writes with zeros; offset and length of what is said to be left."""
    before = bytes(flash.cells)
    for _action, address, length in effects:
        flash.disturb(address, bytes(length))
    left = interrupt(flash, before, effects, done, Random(0))
    return [(address - FLASH, length) for _action, address, length in left]


def zeros(flash: Flash) -> list[int]:
    return [offset for offset, value in enumerate(flash.cells) if not value]


def test_an_erase_that_was_all_done_is_done(f405: Profile) -> None:
    flash = Flash(f405.memory.flash)
    flash.disturb(FLASH, bytes(PAGE))
    before = bytes(flash.cells)
    flash.erase(0)
    interrupt(flash, before, (Effect("erase", FLASH, PAGE),), 1.0, Random(0))
    assert zeros(flash) == []


def test_a_word_is_programmed_as_a_whole_where_the_data_begin_in_its_middle(flash: Flash) -> None:
    assert interrupted(flash, 0.5, Effect("write", FLASH + 4, 96)) == [(4, 44)]
    assert zeros(flash) == list(range(4, 48))


def test_of_data_within_one_word_nothing_is_there(flash: Flash) -> None:
    assert interrupted(flash, 0.5, Effect("write", FLASH + 4, 8)) == []
    assert zeros(flash) == []


def test_a_write_gets_from_one_place_to_the_next(flash: Flash) -> None:
    effects = [Effect("write", FLASH + offset, 64) for offset in (0, 2 * PAGE, 4 * PAGE)]
    assert interrupted(flash, 0.5, *effects) == [(0, 64), (2 * PAGE, 32)]
    assert zeros(flash) == [*range(64), *range(2 * PAGE, 2 * PAGE + 32)]
