"""Progress bars are for terminals."""

import io
import sys

import pytest

from dfu_host.progress import Track, bar, silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with bar("writing", 2048) as advance:
        advance(2048)
    assert "writing" in terminal.getvalue()
    assert "2.0/2.0 KiB" in terminal.getvalue()


@pytest.mark.parametrize("track", [bar, silent])
def test_nothing_elsewhere(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with track("writing", 2048) as advance:
        advance(2048)
    assert stream.getvalue() == ""
