"""A terminal for the tests: a program runs in it, and what it shows can be looked at."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pyte

TIME_LIMIT = 60
"""Seconds after which a program that does not show what is awaited has failed the test."""

OTHER_SCREEN, FIRST_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_ON, CURSOR_OFF = b"\x1b[?25h", b"\x1b[?25l"


class Terminal:
    """Runs ``command`` in a pseudo-terminal of so many columns and lines, as a context."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int, lines: int
    ) -> None:
        self._master, self._slave = os.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.output = b""
        """All that was printed so far."""
        self._set_size(columns, lines)
        self.settings = self.current_settings()
        """Of the keyboard, before the program began."""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # so that Ctrl-C is a signal
            cwd=folder,
            env={**environment, "TERM": environment.get("TERM", "xterm-256color")},
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._slave)
        self._reader.join()
        os.close(self._master)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while data := os.read(self._master, 65536):
                with self._lock:
                    self.output += data
                    self._stream.feed(data)

    def current_settings(self) -> list[Any]:
        """What keys do."""
        return termios.tcgetattr(self._slave)

    @property
    def lines(self) -> list[str]:
        """What is to be seen, without the spaces at the ends of lines."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The same as one piece."""
        return "\n".join(self.lines)

    def cells(self, beginning: str) -> list[tuple[str, str]]:
        """Characters and colours of the line that begins so, behind that."""
        with self._lock:
            for number, line in enumerate(self._screen.display):
                if line.strip().startswith(beginning):
                    first = line.index(beginning) + len(beginning)
                    row = self._screen.buffer[number]
                    return [(row[column].data, row[column].fg) for column in range(first, len(line))]
        raise AssertionError(f"no line begins with {beginning!r}")

    def wait_for(self, seen: str | Callable[[], bool]) -> None:
        """Until the pattern is on the screen, or what is asked for is true."""
        limit = time.monotonic() + TIME_LIMIT
        while not (re.search(seen, self.text) if isinstance(seen, str) else seen()):
            assert time.monotonic() < limit, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.02)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window larger or smaller."""
        with self._lock:
            self._screen.resize(lines, columns)
            self._screen.reset()
        self._set_size(columns, lines)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait(self) -> int:
        """Until the program has ended; returns its exit code."""
        code = self.process.wait(TIME_LIMIT)
        fence = b"\0the end\0"
        os.write(self._slave, fence)  # behind all that the program printed
        limit = time.monotonic() + TIME_LIMIT
        while fence not in self.output:
            assert time.monotonic() < limit
            time.sleep(0.02)
        self.output = self.output.replace(fence, b"")
        return code

    def stop(self, number: int = signal.SIGINT) -> int:
        """End the program by a signal; returns its exit code."""
        self.process.send_signal(number)
        return self.wait()
