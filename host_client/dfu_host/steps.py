"""What an operation asks of whoever carries it out, and the loop that does so.

Everything the host does to a device is a generator, an ``Operation``: it yields steps, gets back each one's
answer, or the failure thrown into it, and returns its result. It knows neither USB nor a clock, so that any
driver can be put under it: ``drive`` is the blocking one; one for asyncio differs from it in an ``await``.
"""

import inspect
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

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

    What is raised by ``perform``, or between two steps, is the operation's to deal with: Ctrl-C comes at any
    moment.
    """
    answer: Any = None  # with which generators begin
    failure: BaseException | None = None
    while True:
        try:
            while True:
                step = operation.send(answer) if failure is None else operation.throw(failure)
                failure = None
                answer = perform(step)
                yield
        except StopIteration as done:
            result: T = done.value
            return result
        except BaseException as error:
            if inspect.getgeneratorstate(operation) == inspect.GEN_CLOSED:
                raise
            failure = error


def drive(operation: Operation[T], perform: Callable[[Step], bytes]) -> T:
    """Carry ``operation`` out to its end and return its result."""
    results: list[T] = []

    def whole() -> Generator[None, None, None]:
        results.append((yield from steps(operation, perform)))

    deque(whole(), maxlen=0)  # a loop in which Python looks for no signals
    return results[0]
