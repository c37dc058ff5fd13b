"""The installed command over real libusb, next to dfu-util."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.transports.preload import PreloadBus
from dfu_host.errors import ExitCode
from dfu_protocol import Request, State
from dfu_protocol.control import CLASS_OUT

TIME_LIMIT = 120
CODE = Random(1).randbytes(20_002)
FLASH = "0x08000000"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def profile() -> str:
    return "stm32f405"


@pytest.fixture
def run(tmp_path: Path, profile: str) -> Iterator[Run]:
    """Runs a command that sees a chip, in a folder that has code.bin."""
    (tmp_path / "code.bin").write_bytes(CODE)
    with emulated(profile) as port, PreloadBus(port) as bus:
        yield lambda *command: subprocess.run(
            command,
            cwd=tmp_path,
            env=bus.environment(),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )


def dfu_host(run: Run, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(sys.executable, "-m", "dfu_host", *arguments)


def test_list(run: Run) -> None:
    done = dfu_host(run, "list")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "0483:df11  path 1-1  serial 325E35633334",
        "  alt 0  @Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
        "  alt 1  @Option Bytes  /0x1FFFC000/01*016 e",
        "  alt 2  @OTP Memory /0x1FFF7800/01*512 e,01*016 e",
        "  alt 3  @Device Feature/0xFFFF0000/01*004 e",
    ]


def test_write_read_and_leave(run: Run, tmp_path: Path) -> None:
    written = dfu_host(run, "write", "code.bin", "--address", FLASH)
    assert (written.returncode, written.stderr) == (0, "dfu-host: wrote 20002 bytes and verified them\n")
    read = dfu_host(run, "read", "back.bin", "--length", "20002")
    assert read.returncode == 0
    assert (tmp_path / "back.bin").read_bytes() == CODE
    left = dfu_host(run, "leave", "--address", FLASH)
    assert (left.returncode, left.stderr) == (
        0,
        "dfu-host: told the device to start the application at 0x08000000\n",
    )


@pytest.mark.parametrize("profile", ["stm32l083", "stm32g431", "stm32h743", "stm32f072"])
def test_a_day_with_a_chip(run: Run, tmp_path: Path) -> None:
    """From the first look to the last, on other families."""
    for arguments in (
        ["wait", "--timeout", "5"],
        ["convert", "code.bin", "code.hex", "--address", FLASH],
        ["write", "code.hex"],
        ["verify", "code.hex", "-v"],
        ["read", "back.dfu", "--length", "20002"],
        ["verify", "back.dfu", "--json"],
        ["convert", "back.dfu", "back.bin"],
        ["options", "show"],
        ["reset"],
        ["erase", "--sectors", "0"],
        ["info", "--json"],
    ):
        done = dfu_host(run, *arguments)
        assert done.returncode == ExitCode.OK, (arguments, done.stderr)
    assert (tmp_path / "back.bin").read_bytes() == CODE
    assert dfu_host(run, "verify", "code.hex").returncode == ExitCode.VERIFY


@pytest.mark.usefixtures("dfu_util")
def test_dfu_util_reads_what_was_written(run: Run, tmp_path: Path) -> None:
    assert dfu_host(run, "write", "code.bin", "--address", FLASH).returncode == 0
    assert run("dfu-util", "-a", "0", "-s", f"{FLASH}:20002", "-U", "back.bin").returncode == 0
    assert (tmp_path / "back.bin").read_bytes() == CODE


@pytest.mark.usefixtures("dfu_util")
def test_what_dfu_util_wrote_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "aligned.bin").write_bytes(CODE[:20000])
    assert run("dfu-util", "-a", "0", "-s", FLASH, "-D", "aligned.bin").returncode == 0
    assert dfu_host(run, "read", "back.bin", "--length", "20000").returncode == 0
    assert (tmp_path / "back.bin").read_bytes() == CODE[:20000]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruption(tmp_path: Path, sent: signal.Signals) -> None:
    """With the chip's own times: the signal comes in the middle of a write, wherever that is."""
    (tmp_path / "code.bin").write_bytes(CODE)
    written = threading.Event()

    def watch(occurrence: Occurrence) -> None:
        if isinstance(occurrence, Transfer) and (occurrence.setup[:3] == (CLASS_OUT, Request.DNLOAD, 5)):
            written.set()

    with emulated("stm32f405", timing="real") as port, PreloadBus(port) as bus:
        port.watch(watch)
        # Tests that run in the background, or by nohup, would hand on that a signal is ignored.
        heeding = ["env", f"--default-signal={sent.name}"]
        command = [*heeding, sys.executable, "-m", "dfu_host", "write", "code.bin", "--address", FLASH]
        options: dict[str, Any] = {"cwd": tmp_path, "env": bus.environment(), "text": True}
        with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as process:
            assert written.wait(TIME_LIMIT)
            process.send_signal(sent)
            _, said = process.communicate(timeout=TIME_LIMIT)
        assert process.returncode == ExitCode.INTERRUPTED
        assert re.match(r"dfu-host: interrupted while writing, after \d+ of 20032 bytes; .* dfuIDLE;", said)
        assert port.device.bootloader.state is State.DFU_IDLE
        again = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=False, **options)
        assert (again.returncode, again.stderr) == (0, "dfu-host: wrote 20002 bytes and verified them\n")
