"""The thread that serves a gadget."""

import signal
import threading

import pytest

from dfu_emulator.timing import MonotonicClock
from dfu_emulator.transports.worker import Worker


def test_it_works_until_it_is_stopped() -> None:
    begun = threading.Event()

    def work() -> None:
        begun.set()
        while not worker.stopping:
            worker.pause()

    before = signal.getsignal(signal.SIGRTMIN)
    worker = Worker(work, "test")
    worker.start()
    assert begun.wait(60)
    worker.wait(0)
    worker.stop()
    worker.wait(None)
    assert signal.getsignal(signal.SIGRTMIN) == before


def test_a_long_sleep_ends_with_it() -> None:
    a_day = 86_400_000_000
    worker = Worker(lambda: worker.sleep(MonotonicClock(), a_day), "test")
    worker.start()
    worker.stop()


def test_what_it_raised_is_told_to_the_one_who_waits() -> None:
    def work() -> None:
        raise RuntimeError("broken")

    worker = Worker(work, "test")
    worker.start()
    with pytest.raises(RuntimeError, match="broken"):
        worker.wait(60)
    worker.stop()
