"""Real lsusb against the emulated STM32F405."""

import pytest

from end_to_end.conftest import Emulator
from end_to_end.lsusb import SERIAL, assert_real_but_for

pytestmark = pytest.mark.usefixtures("lsusb")


def test_verbose_listing_is_that_of_a_real_chip(chip: Emulator) -> None:
    done = chip("lsusb -v", "--serial", SERIAL)
    assert done.code == 0
    assert_real_but_for(done.stdout, ())
