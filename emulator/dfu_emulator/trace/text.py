"""``--trace``: one line for each occurrence, in colours where there are some."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from rich.color import ColorSystem
from rich.style import Style

from dfu_emulator.port import Occurrence
from dfu_emulator.trace.describe import Part, parts
from dfu_emulator.trace.output import opened

STYLES = {
    Part.BUS: Style(color="magenta"),
    Part.STANDARD: Style(dim=True),
    Part.REQUEST: Style(color="cyan"),
    Part.DETAIL: Style(),
    Part.STATES: Style(dim=True),
    Part.TROUBLE: Style(color="red", bold=True),
    Part.EFFECT: Style(color="green"),
}
"""Of the parts of a line, wherever it is shown."""


@contextlib.contextmanager
def trace_stream(name: str) -> Iterator[TextIO]:
    """Where ``--trace`` writes: the file called ``name``, or the standard error for ``-``."""
    if name == "-":
        yield sys.stderr
        return
    stream = os.fdopen(opened(name), "w", encoding="utf-8")  # closed below, full disk or not
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError):
            stream.close()


class TraceWriter:
    """Watches a port, or several, and writes a line for each occurrence to ``stream``."""

    def __init__(self, stream: TextIO, colour: bool = False) -> None:
        self._stream = stream
        self._colours = ColorSystem.STANDARD if colour else None
        self._start: int | None = None

    def __call__(self, occurrence: Occurrence, prefix: str = "") -> None:
        if self._start is None:
            self._start = occurrence.at
        seconds = (occurrence.at - self._start) / 1_000_000
        line = "".join(
            STYLES[part].render(text, color_system=self._colours) for part, text in parts(occurrence)
        )
        # A full disk must not take the device away from its host.
        with contextlib.suppress(OSError):
            print(f"{prefix}{seconds:10.6f}  {line}", file=self._stream, flush=True)
