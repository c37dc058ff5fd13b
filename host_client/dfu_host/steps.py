"""What an operation asks of whoever carries it out, and the loop that does so.

Everything the host does to a device is a generator, an ``Operation``: it yields steps, gets back each one's
answer, or the failure thrown into it, and returns its result. It knows neither USB nor a clock, so that any
driver can be put under it: ``drive`` is the blocking one; one for asyncio differs from it in an ``await``.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeAlias, TypeVar

from dfu_protocol import SetupPacket

T = TypeVar("T")


class Control(NamedTuple):
    """A control transfer: ``data`` goes out, or ``setup.wLength`` bytes at most come in as the answer.

    ``timeout`` is in seconds. It fails with StalledError, DeviceTimeoutError or DeviceGoneError, or with a
    HostError for anything else.
    """

    setup: SetupPacket
    data: bytes
    timeout: float


class Wait(NamedTuple):
    """Let so many seconds pass."""

    seconds: float


class Select(NamedTuple):
    """Choose an alternate setting of the interface; it fails as Control does."""

    alternate: int


Step: TypeAlias = Control | Wait | Select
Operation: TypeAlias = Generator[Step, bytes, T]
"""The answer of a Wait or a Select is empty."""


def steps(operation: Operation[T], perform: Callable[[Step], bytes]) -> Generator[None, None, T]:
    """Carry ``operation`` out, a step for each ``next``; the generator's value is the result.

    What ``perform`` raises is the operation's to deal with, an interruption too.
    """
    try:
        step = next(operation)
        while True:
            try:
                answer = perform(step)
            except BaseException as error:
                step = operation.throw(error)
            else:
                step = operation.send(answer)
            yield
    except StopIteration as done:
        result: T = done.value
        return result


def drive(operation: Operation[T], perform: Callable[[Step], bytes]) -> T:
    """Carry ``operation`` out to its end and return its result."""
    stepping = steps(operation, perform)
    while True:
        try:
            next(stepping)
        except StopIteration as done:
            result: T = done.value
            return result
