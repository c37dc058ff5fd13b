"""The catalogue's scenarios with real dfu-util, dfu-host and a naive host: each fares as the scenario says.

dfu-util runs as a program that sees the chip by the preload library. The other two run in this process,
where what the chip holds up passes at once: they wait only as long as they want to themselves.
"""

import random
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.scenario import Fares, Outcome, Scenario, load_scenario, shipped_scenarios
from dfu_emulator.timing import MonotonicClock
from dfu_emulator.transports.inprocess import Backend
from dfu_emulator.transports.preload import PreloadBus
from dfu_host.cli import main as dfu_host
from end_to_end import naive_host
from end_to_end.conftest import Emulator

MIB = 1 << 20
SIZE = 19_584
"""Of the firmware: two sectors of an STM32F405 in part, and a last block that is shorter than the others."""
NEW = bytes.fromhex("00000220 01020008") + random.Random(1).randbytes(SIZE - 8)
OLD = random.Random(2).randbytes(MIB)
HANGING, PATIENCE = 8, 60
"""Seconds after which a host that is said to hang, or any other, is ended."""


class Task(NamedTuple):
    """What hosts try: their arguments, and whether ``(flash, copy.bin)`` is then what it should be."""

    dfu_util: str
    dfu_host: str
    naive: str
    is_right: Callable[[bytes, bytes], bool]


def is_new(flash: bytes, _copy: bytes) -> bool:
    return flash[:SIZE] == NEW


TASKS = {
    "write": Task(
        "-s 0x08000000 -D new.bin", "write new.bin --address 0x08000000", "write new.bin", is_new
    ),
    "write and leave": Task(
        "-s 0x08000000:leave -D new.bin",
        "write new.bin --address 0x08000000 --leave",
        "write-and-leave new.bin",
        is_new,
    ),
    "read": Task(
        f"-s 0x08000000:{SIZE} -U copy.bin",
        f"read copy.bin --address 0x08000000 --length {SIZE}",
        f"read copy.bin {SIZE}",
        lambda _flash, copy: copy == OLD[:SIZE],
    ),
    "mass erase": Task(
        "-s 0x08000000:mass-erase:force",
        "erase --mass",
        "mass-erase",
        lambda flash, _copy: flash == b"\xff" * MIB,
    ),
}


class SkippingClock(MonotonicClock):
    """Runs as time does; what is slept by it passes at once."""

    def __init__(self) -> None:
        self._skipped = 0

    def now(self) -> int:
        return super().now() + self._skipped

    def sleep(self, duration: int) -> None:
        self._skipped += duration


class Bench:
    """A chip with a scenario, and a folder with its flash and the firmware."""

    def __init__(self, scenario: Scenario, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert scenario.hosts is not None
        self.scenario = scenario
        self.hosts = scenario.hosts
        self.task = TASKS[self.hosts.try_]
        self._folder = folder
        self._capsys = capsys
        (folder / "new.bin").write_bytes(NEW)
        (folder / "flash.bin").write_bytes(OLD)

    def dfu_util(self) -> tuple[Outcome, str]:
        limit = HANGING if self.hosts.dfu_util.ends is Outcome.HANGS else PATIENCE
        with emulated(self.hosts.chip, image=self._image, scenario=self.scenario) as port:
            with PreloadBus(port) as bus:
                program = subprocess.Popen(
                    ["dfu-util", "-a", "0", *self.task.dfu_util.split()],
                    cwd=self._folder,
                    env=bus.environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                try:
                    output, _ = program.communicate(timeout=limit)
                except subprocess.TimeoutExpired:
                    program.kill()
                    output, _ = program.communicate()
                    return Outcome.HANGS, output
        return self._outcome(program.returncode), output

    def dfu_host(self) -> tuple[Outcome, str]:
        return self._in_process(self.task.dfu_host, dfu_host)

    def naive(self) -> tuple[Outcome, str]:
        return self._in_process(self.task.naive, naive_host.main)

    def _in_process(self, arguments: str, main: Callable[..., int]) -> tuple[Outcome, str]:
        with emulated(
            self.hosts.chip, image=self._image, scenario=self.scenario, clock=SkippingClock()
        ) as port:
            code = main(self._with_paths(arguments), backend=Backend(port))
        return self._outcome(code), "".join(self._capsys.readouterr())

    def _with_paths(self, arguments: str) -> list[str]:
        return [
            str(self._folder / word) if word.endswith(".bin") else word for word in shlex.split(arguments)
        ]

    @property
    def _image(self) -> Path:
        return self._folder / "flash.bin"

    def _outcome(self, code: int) -> Outcome:
        if code:
            return Outcome.FAILS
        copy = self._folder / "copy.bin"
        right = self.task.is_right(self._image.read_bytes(), copy.read_bytes() if copy.exists() else b"")
        return Outcome.SUCCEEDS if right else Outcome.CORRUPTS


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(load_scenario(request.param), tmp_path, capsys)


EACH = pytest.mark.parametrize("bench", shipped_scenarios(), indirect=True)


def check(said: Fares, ended: tuple[Outcome, str]) -> None:
    outcome, output = ended
    assert outcome is said.ends, output
    assert said.says in output


@EACH
@pytest.mark.usefixtures("dfu_util")
def test_dfu_util(bench: Bench) -> None:
    check(bench.hosts.dfu_util, bench.dfu_util())


@EACH
def test_dfu_host(bench: Bench) -> None:
    check(bench.hosts.dfu_host, bench.dfu_host())


@EACH
def test_naive_host(bench: Bench) -> None:
    check(bench.hosts.naive, bench.naive())
