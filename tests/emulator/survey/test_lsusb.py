"""What ``lsusb -v`` prints, as a survey."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.survey import SurveyError, choose
from dfu_emulator.survey.lsusb import read_lsusb
from emulator.survey.texts import ALTERNATES, EXCERPT, HUB, LSUSB, SERIAL, VALUES


def test_a_whole_dump() -> None:
    (survey,) = read_lsusb(LSUSB)
    assert survey.alternates == ALTERNATES
    assert dict(survey.values) == VALUES
    assert (survey.serial, survey.alternate_count) == (SERIAL, 3)


def test_other_devices_are_passed_over() -> None:
    assert read_lsusb(HUB + LSUSB + HUB) == read_lsusb(LSUSB)


def test_several_boards() -> None:
    other = LSUSB.replace(SERIAL, "OTHER").replace("bcdDevice            2.10", "bcdDevice           22.00")
    surveys = read_lsusb(LSUSB + other)
    assert [survey.serial for survey in surveys] == [SERIAL, "OTHER"]
    assert choose(surveys, serial="OTHER").values["usb.bcdDevice"] == 0x2200
    with pytest.raises(SurveyError, match=r"2 boards, choose one by --serial or --path: .*OTHER"):
        choose(surveys)


def test_several_boards_without_the_lines_between() -> None:
    bare = LSUSB.partition("\n")[2]
    assert len(read_lsusb(bare + bare)) == 2


def test_lines_may_end_in_carriage_returns() -> None:
    assert read_lsusb(LSUSB.replace("\n", "\r\n")) == read_lsusb(LSUSB)


def test_an_excerpt_is_read_as_far_as_it_goes() -> None:
    (survey,) = read_lsusb(EXCERPT)
    assert survey.alternates == (
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg",
        "@Option Bytes  /0x1FFFC000/01*016 e",
    )
    assert dict(survey.values) == {"usb.bcdDevice": 0x2200, "usb.product": "STM32  BOOTLOADER"}
    assert (survey.serial, survey.alternate_count) == (None, 4)


def test_the_older_spelling_of_the_total_length() -> None:
    (survey,) = read_lsusb(LSUSB.replace("wTotalLength       0x002d", "wTotalLength           54"))
    assert survey.alternate_count == 4


def test_spaces_at_the_end_of_a_name_count() -> None:
    (survey,) = read_lsusb(LSUSB.replace("01*512 e\n", "01*512 e  \n"))
    assert survey.alternates[2] == ALTERNATES[2] + "  "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no device with a DFU interface is in the text; expected what 'lsusb -v"),
        (HUB, "no device with a DFU interface"),
        ("Bus 001 Device 005: ID 0483:df11 STMicroelectronics", "no device with a DFU interface"),
        (LSUSB.replace(" @", " (error) @"), "does not tell the alternate settings' names"),
        (LSUSB.replace("bAlternateSetting       1", "bAlternateSetting       7"), "settings 0, 2, 7 alone"),
        (LSUSB.replace("2.10", "two"), "not what lsusb prints: 'bcdDevice            two'"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SurveyError) as raised:
        read_lsusb(text)
    assert message in str(raised.value)


LINES = LSUSB.split("\n")


@given(st.data())
def test_whatever_is_pasted_is_read_or_refused(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 5))):
        number = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "cut", "replace"])):
            case "drop":
                lines[number] = ""
            case "double":
                lines.insert(number, data.draw(st.sampled_from(LINES)))
            case "cut":
                lines[number] = lines[number][: data.draw(st.integers(0, 40))]
            case _:
                name = lines[number].split(" 0x")[0].rstrip("0123456789. ")
                lines[number] = f"{name} {data.draw(st.text(max_size=8))}"
    with suppress(SurveyError):
        assert all(survey.alternates for survey in read_lsusb("\n".join(lines)))
