"""Advice as it is given, for ``--advice``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dfu_emulator.advice import Advice, Adviser
from dfu_emulator.port import Port


def print_advice(advice: Advice, prefix: str = "") -> None:
    """One line on the standard error."""
    # A closed pipe must not take the device away from its host.
    with suppress(OSError):
        print(f"{prefix}advice: {advice}", file=sys.stderr, flush=True)


@contextmanager
def advising(port: Port, wanted: bool, prefix: str = "") -> Iterator[None]:
    """Print each kind of advice once, if it is ``wanted``."""
    if not wanted:
        yield
        return
    with Adviser(port, lambda advice: print_advice(advice, prefix)):
        yield
