"""What ``dfu-util -l`` prints, as a survey."""

import pytest

from dfu_emulator.survey import SurveyError, choose
from dfu_emulator.survey.dfu_util import read_list
from emulator.survey.texts import ALTERNATES, LIST, SERIAL

IDS = {"usb.idVendor": 0x0483, "usb.idProduct": 0xDF11}


def test_a_whole_list() -> None:
    (survey,) = read_list(LIST)
    assert survey.alternates == ALTERNATES
    assert dict(survey.values) == {**IDS, "usb.bcdDevice": 0x0210}
    assert (survey.serial, survey.path) == (SERIAL, "3-1.2")


def test_a_list_of_an_old_dfu_util() -> None:
    name = "@Internal Flash  /0x08000000/128*002Kg"
    (survey,) = read_list(f'Found DFU: [0483:df11] devnum=0, cfg=1, intf=0, alt=0, name="{name}"\n')
    assert (survey.alternates, dict(survey.values), survey.serial) == ((name,), IDS, None)


def test_several_boards() -> None:
    surveys = read_list(LIST + LIST.replace("3-1.2", "3-1.4").replace("devnum=17", "devnum=18"))
    assert [survey.path for survey in surveys] == ["3-1.2", "3-1.4"]
    assert choose(surveys, path="3-1.4") is surveys[1]
    with pytest.raises(SurveyError, match="no board has that serial number and path; there are: path"):
        choose(surveys, serial="OTHER")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dfu-util 0.11\n", "no line of the text begins with 'Found DFU:'"),
        (LIST.replace("alt=0", "alt=3"), "the text has the alternate settings 1, 2, 3 alone"),
        (LIST.replace(ALTERNATES[1], "UNKNOWN"), "dfu-util was not allowed to read the names"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SurveyError) as raised:
        read_list(text)
    assert message in str(raised.value)


def test_a_serial_number_that_dfu_util_could_not_read() -> None:
    (survey,) = read_list(LIST.replace(SERIAL, "UNKNOWN"))
    assert survey.serial is None
