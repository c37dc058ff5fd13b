"""Bars on terminals, lines in logs."""

import io
import sys

import pyte
import pytest

from dfu_host.cli.progress import LOG_INTERVAL, Log, bar
from dfu_host.cli.report import ForPeople


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plug_in_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error one; in the test itself, as pytest has its own between fixtures and tests."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = plug_in_terminal(monkeypatch)
    with bar("writing", 2048) as move:
        move(1024)
        move(2048)
    assert "writing" in terminal.getvalue()
    assert "2.0/2.0 KiB" in terminal.getvalue()
    assert "KiB/s" in terminal.getvalue()


@pytest.mark.parametrize("columns", [36, 40, 55, 56, 57, 60, 80, 100, 200])
def test_a_line_each_however_narrow_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    terminal = plug_in_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = pyte.Screen(columns, 10)
    for stage in ("comparing", "verifying"):
        with bar(stage, 1_047_000) as move:
            move(1_000_000)
            move(1_047_000)
    pyte.Stream(screen).feed(terminal.getvalue().replace("\n", "\r\n"))
    first, second, *rest = (line.rstrip() for line in screen.display)
    assert first.startswith("comparing")
    assert second.startswith("verifying")
    assert "1,022.5/1,022.5 KiB" in first
    assert ("KiB/s" in first) is (columns >= 56)
    assert ("\u2501" in first) is (columns > 56)
    assert not any(rest)


def test_a_bar_for_each_stage_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = plug_in_terminal(monkeypatch)
    report = ForPeople()
    for stage in ("erasing", "writing"):
        with report.track(stage, 4096) as advance:
            advance(1024)
            advance(1024)
    shown = terminal.getvalue()
    assert "erasing" in shown
    assert "writing" in shown
    assert "2.0/4.0 KiB" in shown


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("UNRELATED", True)])
def test_colours_may_be_unwelcome(monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(variable, "1")
    terminal = plug_in_terminal(monkeypatch)
    with bar("writing", 2048) as move:
        move(1024)
    assert ("\x1b[3" in terminal.getvalue()) is coloured


def test_short_jobs_leave_no_line_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with ForPeople().track("writing", 2048) as advance:
        advance(2048)
    assert capsys.readouterr().err == ""


def test_long_jobs_leave_some() -> None:
    lines: list[str] = []
    now = 0.0
    log = Log("writing", 1024 * 1024, lines.append, lambda: now)
    for seconds in range(1, 17):
        now = float(seconds)
        log.move(seconds * 32 * 1024)
    assert lines == [
        "writing: 160 of 1024 KiB, 32.0 KiB/s, 27 s left",
        "writing: 320 of 1024 KiB, 32.0 KiB/s, 22 s left",
        "writing: 480 of 1024 KiB, 32.0 KiB/s, 17 s left",
    ]
    assert LOG_INTERVAL == 5
