"""Runs host tools under ``dfu-emulator exec``, as a user does, or with any chip of the emulator's API."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.profile import Profile
from dfu_emulator.transports.preload import PreloadBus

BIN = Path(sys.executable).parent
TIME_LIMIT = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, without the progress bars."""
        return self.stdout + self.stderr

    def lines(self, *beginnings: str) -> list[str]:
        """Stripped lines of both streams that begin with one of ``beginnings``."""
        stripped = (line.strip() for line in self.output.replace("\r", "\n").splitlines())
        return [line for line in stripped if line.startswith(beginnings)]


Emulator = Callable[..., Done]


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    """``emulator(*arguments)`` runs ``dfu-emulator`` in a folder of the test's own."""

    def run(*arguments: str, environment: dict[str, str] | None = None) -> Done:
        path = f"{BIN}:{os.environ['PATH']}"
        done = subprocess.run(
            ["dfu-emulator", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def chip(emulator: Emulator) -> Emulator:
    """``chip(script, *options)`` runs a shell script that sees an STM32F405 whose flash is in flash.bin."""

    def run(script: str, *options: str) -> Done:
        return emulator(
            "exec", "--profile", "stm32f405", "--image", "flash.bin", *options, "--", "sh", "-c", script
        )

    return run


class Bus:
    """A chip on a bus that host tools see; they run in the test's folder."""

    def __init__(self, bus: PreloadBus, folder: Path) -> None:
        self._environment = bus.environment()
        self._folder = folder

    def run(self, *command: str) -> Done:
        """Run a host tool to its end. All it prints is in ``stdout``, in order."""
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        return Done(done.returncode, done.stdout, "")


MakeBus = Callable[..., Bus]


@pytest.fixture
def make_bus(tmp_path: Path) -> Iterator[MakeBus]:
    """``make_bus(profile, **options of emulated)`` plugs a chip in until the test ends."""
    with ExitStack() as stack:

        def make(profile: Profile, **options: Any) -> Bus:
            port = stack.enter_context(emulated(profile, **options))
            return Bus(stack.enter_context(PreloadBus(port)), tmp_path)

        yield make
