"""A job that is interrupted: by what, and what is on the device then, in words."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dfu_host.cli.report import Stage
from dfu_host.ledger import Remains

UNPROTECTING = "lifting the read protection"

_LEFT = {
    "reading": "nothing on the device has changed",
    "comparing": "nothing on the device has changed",
    "verifying": "what it reads back is written; 'dfu-host verify' compares all",
    "checking": "all of it is erased, as the device says",
    UNPROTECTING: "the device may be erased already",
}
_STATES = {
    True: "the device is in dfuIDLE",
    False: "the device does not answer: restart it in its bootloader",
    None: "the device may still be busy",
}
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def terminable() -> Iterator[None]:
    """Inside the block SIGTERM, or a terminal that is closed, is as Ctrl-C is.

    No half file, and no busy device, is left behind. What is ignored, as by nohup, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # elsewhere Python allows no handlers
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    try:
        for number in heeded:
            signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def how_far(stages: Sequence[Stage], *, idle: bool | None) -> str:
    """Where the last of ``stages`` was, what that means, and whether the device is ready for more.

    ``idle`` is None where that is not known.
    """
    state = _STATES[idle]
    if not stages:
        return f"before anything was done; {state}"
    stage = stages[-1]
    place = f"while {stage.name}"
    if stage.total:
        place += f", after {stage.done} of {stage.total} bytes"
    return "; ".join(filter(None, [place, _LEFT.get(stage.name), state]))


def left_behind(remains: Remains, command: str, *, lasting: bool = False) -> str:
    """What a command has left on the chip, and how to go on, unless what ended it is ``lasting``."""
    if command == "write" and remains != Remains() and not lasting:
        return f"{remains}; the same command with --resume completes it"
    return str(remains)
