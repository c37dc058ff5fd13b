"""Runs ``dfu-emulator`` in this process."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dfu_emulator.cli import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What went to the standard output, without blanks at the ends of lines."""
        return [line.rstrip() for line in self.stdout.splitlines()]


Command = Callable[..., Done]


@pytest.fixture
def profiles(capsys: pytest.CaptureFixture[str]) -> Command:
    """``profiles(*arguments)`` runs ``dfu-emulator profiles``."""
    return _command("profiles", capsys)


@pytest.fixture
def scenarios(capsys: pytest.CaptureFixture[str]) -> Command:
    """``scenarios(*arguments)`` runs ``dfu-emulator scenarios``."""
    return _command("scenarios", capsys)


def _command(name: str, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: object) -> Done:
        code = main([name, *map(str, arguments)])
        return Done(code, *capsys.readouterr())

    return run
