"""The serial number that the ROM makes of the unique id."""

import pytest
from msgspec.structs import replace

from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import SerialRule
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, neighbour, parse_unique_id, serial_number

SUM, SUM_UID2 = SerialRule.UID_SUM, SerialRule.UID_SUM_UID2

SERIAL_NUMBERS = [
    # rule, addend, unique id, serial number: of chips whose owners have published both
    (SUM, 0, "002d0030 3334510b 32313533", "325E35633334"),  # F2, F4
    (SUM_UID2, 0, "003b0041 50335706 20333333", "206E33742033"),  # F3
    (SUM, 0x0A, "0023001F 35375109 36373731", "365A375A3537"),  # F412
    (SUM, 0, "0025007A 42365001 20303748", "205537C24236"),  # C071
    (SUM, 0, "0057007B 42365001 20303748", "208737C34236"),
    (SUM, 0, "0027007B 42365001 20303748", "205737C34236"),
    (SUM, 0, "0081007B 42365001 20303748", "20B137C34236"),
    # and at the edges
    (SUM, 0, "00000000 00000000 00000000", "000000000000"),
    (SUM, 0, "FFFFFFFF FFFFFFFF FFFFFFFF", "FFFFFFFEFFFF"),  # what every F042 and F072 says
    (SUM, 0, "FFFFFFFF FFFFFFFF 00000001", "00000000FFFF"),  # the sum has 32 bits
    (SUM, 1, "FFFFFFFE 12345678 00000001", "000000001234"),
    (SUM, 0, "00000001 0ABC0000 00000002", "000000030ABC"),
    (SUM_UID2, 2, "00000001 FFFFFFFF 0ABC0002", "0ABC00050ABC"),
]


@pytest.mark.parametrize(("rule", "addend", "unique_id", "serial"), SERIAL_NUMBERS)
def test_made_of_the_unique_id(
    f405: Profile, rule: SerialRule, addend: int, unique_id: str, serial: str
) -> None:
    usb = replace(f405.usb, serial=rule, serial_addend=addend)
    assert serial_number(usb, parse_unique_id(unique_id)) == serial


@pytest.mark.parametrize(
    ("name", "unique_id", "serial"),
    [
        ("stm32f205", "002d0030 3334510b 32313533", "325E35633334"),
        ("stm32f405", "002d0030 3334510b 32313533", "325E35633334"),
        ("stm32f303cc", "003b0041 50335706 20333333", "206E33742033"),
        ("stm32f412", "0023001F 35375109 36373731", "365A375A3537"),
        ("stm32c071", "0025007A 42365001 20303748", "205537C24236"),
        ("stm32f042", "0025007A 42365001 20303748", "FFFFFFFEFFFF"),
        ("stm32h743", "00200032 3438510E 31373439", "200364500000"),
    ],
)
def test_shipped_profiles_have_the_rule_of_their_chip(name: str, unique_id: str, serial: str) -> None:
    assert serial_number(load(name).usb, parse_unique_id(unique_id)) == serial


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
