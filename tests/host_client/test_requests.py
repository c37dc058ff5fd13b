"""Each request on the wire, and answers that are none."""

import pytest

from dfu_host import requests
from dfu_host.errors import GarbledError, StalledError
from dfu_host.steps import Control, Operation, T
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply


def only_step(operation: Operation[T]) -> Control:
    """The one step that an operation takes before it looks at the answer."""
    step = next(operation)
    assert isinstance(step, Control)
    return step


def answered(operation: Operation[T], answer: bytes) -> T:
    """What an operation makes of the answer to its one step."""
    next(operation)
    with pytest.raises(StopIteration) as done:
        operation.send(answer)
    result: T = done.value.value
    return result


def test_on_the_wire() -> None:
    command = b"\x21\x00\x00\x00\x08"
    assert only_step(requests.download(3, 2, command)) == (SetupPacket(0x21, 1, 2, 3, 5), command, 5)
    assert only_step(requests.download(0, 2, b"")).setup == SetupPacket(0x21, 1, 2, 0, 0)
    assert only_step(requests.upload(0, 7, 2048)).setup == SetupPacket(0xA1, 2, 7, 0, 2048)
    assert only_step(requests.get_status(0, 60)) == (SetupPacket(0xA1, 3, 0, 0, 6), b"", 60)
    assert only_step(requests.get_state(1)).setup == SetupPacket(0xA1, 5, 0, 1, 1)
    assert only_step(requests.clear_status(0)).setup == SetupPacket(0x21, 4, 0, 0, 0)
    assert only_step(requests.abort(0)).setup == SetupPacket(0x21, 6, 0, 0, 0)


def test_answers_are_parsed() -> None:
    busy = StatusReply(Status.OK, 100, State.DNBUSY)
    assert answered(requests.get_status(0), busy.build()) == busy
    assert answered(requests.get_state(0), b"\x05") is State.DNLOAD_IDLE
    assert answered(requests.upload(0, 2, 4), b"abcd") == b"abcd"


@pytest.mark.parametrize("answer", [b"", b"\x63", b"\x0b"])
def test_answers_that_are_no_state(answer: bytes) -> None:
    operation = requests.get_state(0)
    next(operation)
    with pytest.raises(GarbledError, match="which is no DFU state"):
        operation.send(answer)


@pytest.mark.parametrize("answer", [b"", b"\x00\x00\x00\x00\x63\x00", bytes(5)])
def test_answers_that_are_no_status(answer: bytes) -> None:
    operation = requests.get_status(0)
    next(operation)
    with pytest.raises(GarbledError, match="does not speak DFU"):
        operation.send(answer)


def test_failures_pass_through() -> None:
    operation = requests.abort(0)
    next(operation)
    with pytest.raises(StalledError):
        operation.throw(StalledError(Request.ABORT))
