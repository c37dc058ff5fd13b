"""A file that is written whole records at a time, so that a process that is killed leaves a readable one."""

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from types import TracebackType

Tell = Callable[[str], None]
"""Shows the user a sentence."""


class TraceError(Exception):
    """A file that a trace cannot go to; the message names it."""


class Output:
    """The file called ``name``, empty at first. Raises TraceError if it cannot be opened.

    Once a record cannot be written (a full disk, a reader that is gone), the file ends with the one before,
    ``tell`` is told, and what follows is dropped: a trace never takes the device away from its host.
    """

    def __init__(self, name: str, tell: Tell) -> None:
        self._name = name
        self._tell = tell
        self._lock = threading.Lock()
        self._size = 0
        self._ended = False
        # Without a buffer, a record is one write to the file.
        self._file = os.fdopen(opened(name), "wb", buffering=0)

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def write(self, record: bytes) -> None:
        """Add ``record``, wholly or not at all. Safe to use from threads."""
        with self._lock:
            if self._ended:
                return
            try:
                written = self._file.write(record)
                while written < len(record):  # a disk that fills up: the next write says so
                    written += self._file.write(record[written:])
            except OSError as error:
                self._end(error)
            else:
                self._size += len(record)

    def _end(self, error: OSError) -> None:
        self._ended = True
        with contextlib.suppress(OSError):  # a pipe has no size
            self._file.truncate(self._size)
        self._tell(f"{self._name}: the trace ends early: {error.strerror}")


def opened(name: str) -> int:
    """A handle for the file called ``name``, which is empty and no other trace's. Raises TraceError."""
    handle = locked(name)
    if S_ISREG(os.fstat(handle).st_mode):
        os.ftruncate(handle, 0)
    return handle


def locked(name: str) -> int:
    """A handle for the file called ``name``, with what is in it; no other trace's. Raises TraceError."""
    try:
        # Without O_NONBLOCK, a pipe that nobody reads would be waited for.
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO and Path(name).is_fifo():
            raise TraceError(f"{name}: nobody reads this pipe: start its reader first") from None
        raise cannot_open(name, error) from None
    try:
        os.set_blocking(handle, True)
        if S_ISREG(os.fstat(handle).st_mode):  # a pipe or /dev/null takes all that comes
            _lock(name, handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _lock(name: str, handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TraceError(f"{name}: another trace goes to this file; name another") from None
    except OSError:
        return  # a file system without locks


def cannot_open(name: str, error: OSError) -> TraceError:
    """What is said of a file that cannot be opened."""
    return TraceError(f"{name}: cannot be opened for the trace: {error.strerror}")
