"""The numbers and spellings of DFU 1.1, section 6.1.2 and table 3.2."""

import pytest

from dfu_protocol import Request, State, Status

STATES = [
    "appIDLE",
    "appDETACH",
    "dfuIDLE",
    "dfuDNLOAD-SYNC",
    "dfuDNBUSY",
    "dfuDNLOAD-IDLE",
    "dfuMANIFEST-SYNC",
    "dfuMANIFEST",
    "dfuMANIFEST-WAIT-RESET",
    "dfuUPLOAD-IDLE",
    "dfuERROR",
]
STATUSES = [
    "OK",
    "errTARGET",
    "errFILE",
    "errWRITE",
    "errERASE",
    "errCHECK_ERASED",
    "errPROG",
    "errVERIFY",
    "errADDRESS",
    "errNOTDONE",
    "errFIRMWARE",
    "errVENDOR",
    "errUSBR",
    "errPOR",
    "errUNKNOWN",
    "errSTALLEDPKT",
]
REQUESTS = [
    "DFU_DETACH",
    "DFU_DNLOAD",
    "DFU_UPLOAD",
    "DFU_GETSTATUS",
    "DFU_CLRSTATUS",
    "DFU_GETSTATE",
    "DFU_ABORT",
]


def test_states_have_the_numbers_and_spellings_of_the_standard() -> None:
    assert [state.label for state in sorted(State)] == STATES
    assert sorted(State) == list(range(11))


def test_statuses_have_the_numbers_and_spellings_of_the_standard() -> None:
    assert [status.label for status in sorted(Status)] == STATUSES
    assert sorted(Status) == list(range(16))


def test_requests_have_the_numbers_and_spellings_of_the_standard() -> None:
    assert [request.label for request in sorted(Request)] == REQUESTS
    assert sorted(Request) == list(range(7))


@pytest.mark.parametrize("status", Status, ids=lambda status: status.label)
def test_every_status_is_explained_to_a_person(status: Status) -> None:
    assert len(status.meaning.split()) >= 2
    assert [other for other in Status if other.meaning == status.meaning] == [status]
