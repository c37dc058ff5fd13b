"""Standard output and standard error, which may be full, closed, or read by nobody any more."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from dfu_host.errors import OutputError


@contextmanager
def standard_output() -> Iterator[None]:
    """Around what writes there; OutputError where that cannot be done, as on a full disk."""
    if sys.stdout is None:
        raise OutputError("cannot write to standard output: it is closed")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise OutputError(f"cannot write to standard output: {error.strerror}") from None


class StandardError(io.TextIOBase):
    """Standard error, but that it cannot be written must not break off a job half-way."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            silence(self._stream)
        return len(text)

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


def printable(text: str, stream: TextIO) -> str:
    """``text`` without what ``stream`` cannot spell or a terminal would obey: devices send any."""
    encoding = stream.encoding or "utf-8"
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return visible.encode(encoding, "backslashreplace").decode(encoding)


def silence(stream: TextIO) -> None:
    """Lead ``stream`` to nowhere, so that what is still in its buffer cannot fail again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
