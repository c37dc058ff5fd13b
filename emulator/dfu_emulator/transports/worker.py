"""A thread that waits for the kernel, and can be told to stop while it waits."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from dfu_emulator.timing import Clock

_WAKE = signal.SIGRTMIN
_PATIENCE = 0.05
"""Seconds between two looks, or two signals: one may come just before the thread begins to wait."""
_LONGEST_NAP = 50_000
"""Microseconds."""


class Worker:
    """Runs ``work`` in a thread. ``work`` ends soon after ``stopping`` is true: a signal interrupts what
    it waits for, so that a system call ends with InterruptedError.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.stopping = False
        """True once the work is to end."""
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._handler_before: Any = None

    def start(self) -> None:
        """Begin. Only the main thread may do so: Python lets no other set a signal handler."""
        self._handler_before = signal.signal(_WAKE, _do_nothing)
        self._thread.start()

    def stop(self) -> None:
        """End the work and wait for that. Raises nothing: what failed is for ``wait`` to tell."""
        self.stopping = True
        self._stop.set()
        while self._thread.is_alive():
            # Python may have no identifier yet for a thread that has only just been started.
            if self._thread.ident is not None:
                signal.pthread_kill(self._thread.ident, _WAKE)
            self._thread.join(_PATIENCE)
        signal.signal(_WAKE, self._handler_before)

    def pause(self) -> None:
        """Let the worker itself wait for a moment."""
        self._stop.wait(_PATIENCE)

    def sleep(self, clock: Clock, duration: int) -> None:
        """Let the worker sleep for ``duration`` microseconds, or until it is to stop."""
        until = clock.now() + duration
        while not self.stopping and (left := until - clock.now()) > 0:
            clock.sleep(min(left, _LONGEST_NAP))

    def wait(self, timeout: float | None) -> None:
        """Wait until the work has ended, raising what it raised, or until ``timeout`` seconds are up."""
        self._ended.wait(timeout)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
        finally:
            self._ended.set()


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The signal is sent for the system call that it ends."""
