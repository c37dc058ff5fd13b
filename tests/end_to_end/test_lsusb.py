"""Real lsusb against the emulated STM32F405."""

from pathlib import Path

import pytest

from end_to_end.conftest import Emulator
from end_to_end.lsusb import SERIAL, assert_real_but_for

pytestmark = pytest.mark.usefixtures("lsusb")


def test_verbose_listing_is_that_of_a_real_chip(chip: Emulator) -> None:
    done = chip("lsusb -v", "--serial", SERIAL)
    assert done.code == 0
    assert_real_but_for(done.stdout, ())


def test_strings_of_odd_lengths_are_shown_as_they_are(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("extends: stm32f405\nalternate_tails: ['00', '00', '', '00']\n")
    done = emulator("exec", "--profile", "./odd.yaml", "--serial", SERIAL, "--", "lsusb", "-v")
    assert done.code == 0
    assert_real_but_for(done.stdout, ())


def test_device_status_is_the_chips_own_word(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: stm32f405\nusb: { device_status: 0 }\n")
    done = emulator("exec", "--profile", "./mine.yaml", "--", "lsusb", "-v")
    status = done.stdout.split("Device Status:")[1]
    assert "0x0000" in status
    assert "Bus Powered" in status
