"""The catalogue's scenarios with real dfu-util, dfu-host and a naive host: each fares as the scenario says.

dfu-util runs as a program that sees the chip by the preload library. The other two run in this process,
where what the chip holds up passes at once: they wait only as long as they want to themselves.
"""

import random
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.scenario import Fares, Outcome, Scenario, load_scenario, shipped_scenarios
from dfu_emulator.timing import Clock, MonotonicClock
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
        "-s 0x08000000 -D new.bin",
        "write new.bin --address 0x08000000 --no-preserve",
        "write new.bin",
        is_new,
    ),
    "write and leave": Task(
        "-s 0x08000000:leave -D new.bin",
        "write new.bin --address 0x08000000 --no-preserve --leave",
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
        self._skipped += max(duration, 0)

    def skip_to(self, moment: int) -> None:
        self.sleep(moment - self.now())


class Bench:
    """A chip with a scenario, and a folder with its flash and the firmware.

    Each method tries the task with one host, ``runs`` times in a row, and tells how the last one ended and
    what it printed.
    """

    def __init__(self, scenario: Scenario, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert scenario.hosts is not None
        self.scenario = scenario
        self.hosts = scenario.hosts
        self.task = TASKS[self.hosts.try_]
        self._folder = folder
        self._image = folder / "flash.bin"
        self._capsys = capsys
        self._copy = folder / "copy.bin"
        self._image.write_bytes(OLD)
        (folder / "new.bin").write_bytes(NEW)

    def dfu_util(self, runs: int = 1) -> tuple[Outcome, str]:
        wait = ["-w"] if runs > 1 else []
        command = ["dfu-util", *wait, "-a", "0", *self.task.dfu_util.split()]
        limit = HANGING if self.hosts.dfu_util.ends is Outcome.HANGS else PATIENCE
        with self._plugged_in(MonotonicClock()) as port, PreloadBus(port) as bus:
            for _ in range(runs):
                self._copy.unlink(missing_ok=True)
                with subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env=bus.environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                ) as program:
                    try:
                        output, _ = program.communicate(timeout=limit)
                    except subprocess.TimeoutExpired:
                        program.kill()
                        return Outcome.HANGS, program.communicate()[0]
        return self._outcome(program.returncode), output

    def dfu_host(self, runs: int = 1) -> tuple[Outcome, str]:
        return self._in_process(dfu_host, self.task.dfu_host, runs)

    def naive(self, runs: int = 1) -> tuple[Outcome, str]:
        return self._in_process(naive_host.main, self.task.naive, runs)

    def _in_process(self, main: Callable[..., int], arguments: str, runs: int) -> tuple[Outcome, str]:
        words = [str(self._folder / word) if word.endswith(".bin") else word for word in arguments.split()]
        clock = SkippingClock()
        with self._plugged_in(clock) as port:
            for _ in range(runs):
                self._copy.unlink(missing_ok=True)
                clock.skip_to(port.returns_at or 0)
                code = main(words, backend=Backend(port))
        return self._outcome(code), "".join(self._capsys.readouterr())

    def _plugged_in(self, clock: Clock) -> AbstractContextManager[Port]:
        return emulated(self.hosts.chip, image=self._image, scenario=self.scenario, clock=clock)

    def _outcome(self, code: int) -> Outcome:
        if code:
            return Outcome.FAILS
        copy = self._copy.read_bytes() if self._copy.exists() else b""
        right = self.task.is_right(self._image.read_bytes(), copy)
        return Outcome.SUCCEEDS if right else Outcome.CORRUPTS


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(load_scenario(request.param), tmp_path, capsys)


NAMES = shipped_scenarios()
EACH = pytest.mark.parametrize("bench", NAMES, indirect=True)


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


@pytest.mark.parametrize(
    "bench", [name for name in NAMES if name.startswith(("unplugged", "power-loss"))], indirect=True
)
class TestStartedAgain:
    """Once the chip is back, all is done anew."""

    @pytest.mark.usefixtures("dfu_util")
    def test_dfu_util(self, bench: Bench) -> None:
        assert bench.dfu_util(runs=2)[0] is Outcome.SUCCEEDS

    def test_dfu_host(self, bench: Bench) -> None:
        assert bench.dfu_host(runs=2)[0] is Outcome.SUCCEEDS

    def test_naive_host(self, bench: Bench) -> None:
        assert bench.naive(runs=2)[0] is Outcome.SUCCEEDS


class TestByName:
    """As a user does it."""

    @pytest.mark.usefixtures("dfu_util")
    def test_dfu_util(self, chip: Emulator, tmp_path: Path) -> None:
        (tmp_path / "new.bin").write_bytes(NEW)
        done = chip("dfu-util -a 0 -s 0x08000000 -D new.bin", "--scenario", "errverify-on-write")
        assert done.code == 74
        assert "status(7) = Programmed memory failed verification" in done.output
        assert (tmp_path / "flash.bin").read_bytes()[:4096] == NEW[:4096]

    def test_naive_host(self, chip: Emulator, tmp_path: Path) -> None:
        (tmp_path / "new.bin").write_bytes(NEW)
        command = shlex.join([sys.executable, naive_host.__file__, "write", "new.bin"])
        done = chip(command, "--scenario", "getstatus-stalls-while-busy")
        assert (done.code, done.stdout) == (1, "naive_host: [Errno 32] Pipe error\n")
        done = chip(command)
        assert (done.code, done.output) == (0, "")
        assert (tmp_path / "flash.bin").read_bytes()[:SIZE] == NEW


@pytest.mark.parametrize("command", ["exec", "lint", "vm", "run"])
def test_what_does_not_fit_the_chip_is_one_message(emulator: Emulator, tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.yaml").write_text("start: {write_protected: [12]}\n")
    argv = [] if command == "run" else ["--", "true"]
    done = emulator(command, "--profile", "stm32f405", "--scenario", "./mine.yaml", *argv)
    message = "the scenario 'mine' is about sector 12; the flash of the STM32F405RG has sectors 0 to 11"
    assert (done.code, done.stdout, done.stderr) == (2, "", f"dfu-emulator: {message}\n")
