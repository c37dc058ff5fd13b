"""Surveys of emulated chips."""

from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.survey import Survey
from dfu_emulator.survey.board import find_boards, survey_board
from dfu_emulator.transports.inprocess import Backend
from emulator.host import plugged


def survey_at(port: Port) -> Survey:
    """What is read of the chip at ``port``, on the port's own clock."""
    (board,) = find_boards(Backend(port))
    return survey_board(board, lambda seconds: port.clock.sleep(round(seconds * 1_000_000)))


def survey_of(profile: Profile, serial: str | None = None) -> Survey:
    """What is read of a chip of ``profile`` that takes its time."""
    with plugged(profile, timing="real", serial=serial) as host:
        return survey_at(host.port)
