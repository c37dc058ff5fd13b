"""The terminal that shows pictures."""

import errno
import io

from rich.console import Console
from rich.text import Text

from dfu_emulator.live import LiveScreen


class Screen(io.StringIO):
    """A terminal that may be closed while it is written to."""

    is_closed = False

    def write(self, text: str) -> int:
        if self.is_closed:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


def test_a_terminal_that_is_closed_meanwhile_costs_nothing() -> None:
    """There is nothing left that could be put back."""
    file = Screen()
    with LiveScreen(Console(file=file, force_terminal=True), lambda _width, _height: [Text("a picture")]):
        assert "a picture" in file.getvalue()
        file.is_closed = True
