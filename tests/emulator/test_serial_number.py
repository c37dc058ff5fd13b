"""The serial number that the ROM makes of the unique id."""

import pytest
from msgspec.structs import replace

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import SerialRule
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, neighbour, parse_unique_id, serial_number


@pytest.mark.parametrize(
    ("unique_id", "serial"),
    [
        ("002d0030 3334510b 32313533", "325E35633334"),  # an STM32F4
        ("00000000 00000000 00000000", "000000000000"),
        ("FFFFFFFF FFFFFFFF 00000001", "00000000FFFF"),  # the sum has 32 bits
        ("00000001 0ABC0000 00000002", "000000030ABC"),
    ],
)
def test_sum_of_the_outer_words_and_half_of_the_middle_one(
    f405: Profile, unique_id: str, serial: str
) -> None:
    usb = replace(f405.usb, serial=SerialRule.UID_SUM)
    assert serial_number(usb, parse_unique_id(unique_id)) == serial


def test_default_unique_id_is_that_of_a_known_chip(f405: Profile) -> None:
    assert serial_number(f405.usb, DEFAULT_UNIQUE_ID) == "325E35633334"


def test_a_fixed_serial_number(f405: Profile) -> None:
    usb = replace(f405.usb, serial=SerialRule.FIXED, fixed_serial="200364500000")
    assert serial_number(usb, DEFAULT_UNIQUE_ID) == "200364500000"
    assert serial_number(usb, (1, 2, 3)) == "200364500000"


@pytest.mark.parametrize(
    "text",
    [
        "002D0030-3334510B-32313533",
        "002d0030 3334510b 32313533",
        "002D0030:3334510B:32313533",
        "002D00303334510B32313533",
    ],
)
def test_spellings_of_a_unique_id(text: str) -> None:
    assert parse_unique_id(text) == (0x002D0030, 0x3334510B, 0x32313533)


@pytest.mark.parametrize(
    "text",
    ["", "1", "002D0030-3334510B", "002D0030-3334510B-3231353", "002D0030-3334510B-3231353G", "x" * 26],
)
def test_what_is_no_unique_id(text: str) -> None:
    with pytest.raises(ValueError, match="three words"):
        parse_unique_id(text)


def test_neighbours_differ_in_the_first_word_alone() -> None:
    assert neighbour((1, 2, 3), 0) == (1, 2, 3)
    assert neighbour((1, 2, 3), 7) == (8, 2, 3)
    assert neighbour((0xFFFFFFFF, 2, 3), 1) == (0, 2, 3)
