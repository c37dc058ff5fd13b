"""A terminal that shows pictures: its other screen while they last, and all as before afterwards."""

import io
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

Draw = Callable[[int, int], list[Text]]
"""Makes the lines of a picture that is so many columns wide and so many lines high."""

_LOCAL_FLAGS, _CONTROL_CHARACTERS = 3, 6
"""In what tcgetattr returns."""
_NO_CHARACTER = b"\0"


class LiveScreen:
    """Shows what ``draw`` makes on ``console``, as a context. Typed characters are lost meanwhile."""

    def __init__(self, console: Console, draw: Draw) -> None:
        self._console = console
        self._draw = draw
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._stack = ExitStack()
        self._shown: tuple[object, Sequence[Text]] = ((), ())
        self._gone = False
        """Whether the terminal has been closed: the chips do not leave with it."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_quiet_keyboard())
            stack.enter_context(self._live)
            self.refresh()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        with suppress(OSError):  # of a terminal that is gone
            self._stack.close()

    def refresh(self) -> None:
        """Draw anew, if anything has changed."""
        if self._gone:
            return
        size = self._console.size
        picture = size, self._draw(*size)
        if picture != self._shown:
            self._shown = picture
            try:
                self._live.update(Group(*picture[1]), refresh=True)
            except OSError:
                self._gone = True


@contextmanager
def _quiet_keyboard() -> Iterator[None]:
    """Keys leave no traces, and Ctrl-Z does not leave the picture behind; Ctrl-C works."""
    try:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (termios.error, OSError, ValueError):  # no terminal
        yield
        return
    quiet = termios.tcgetattr(keyboard)
    quiet[_LOCAL_FLAGS] &= ~termios.ECHO
    quiet[_CONTROL_CHARACTERS][termios.VSUSP] = _NO_CHARACTER
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)


class Messages(io.TextIOBase):
    """Takes the place of the standard error while that would tear the picture. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Keep ``text``."""
        with self._lock:
            self._text += text
        return len(text)

    @property
    def text(self) -> str:
        """All that was written so far."""
        return self._text

    @property
    def lines(self) -> list[str]:
        """The same by lines."""
        return self._text.splitlines()
