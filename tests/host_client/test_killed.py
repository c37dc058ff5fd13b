"""A dfu-host that is ended in a write from outside, as a process over real libusb."""

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.transports.preload import PreloadBus
from dfu_protocol import Request
from dfu_protocol.control import CLASS_OUT

TIME_LIMIT = 120
CODE = Random(2).randbytes(20_000)
WRITE = [sys.executable, "-m", "dfu_host", "write", "code.bin", "--address", "0x08000000"]


@pytest.mark.parametrize(("chip", "downloads"), [("stm32f405", 12), ("stm32l432", 3)])
def test_killed(chip: str, downloads: int, tmp_path: Path) -> None:
    """Outright; the next one completes it."""
    (tmp_path / "code.bin").write_bytes(CODE)
    reached, left = threading.Event(), downloads

    def count(occurrence: Occurrence) -> None:
        nonlocal left
        if isinstance(occurrence, Transfer) and occurrence.setup[:2] == (CLASS_OUT, Request.DNLOAD):
            left -= 1
            if not left:
                reached.set()

    image = tmp_path / "flash.bin"
    with emulated(chip, timing="real", image=image) as port, PreloadBus(port) as bus:
        port.watch(count)
        with subprocess.Popen(
            WRITE, cwd=tmp_path, env=bus.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as killed:
            assert reached.wait(TIME_LIMIT)
            killed.kill()
        assert image.read_bytes()[: len(CODE)] != CODE
        resumed = subprocess.run(
            [*WRITE, "--resume"],
            cwd=tmp_path,
            env=bus.environment(),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    assert resumed.returncode == 0, resumed.stderr
    assert "and verified them" in resumed.stderr
    assert image.read_bytes()[: len(CODE)] == CODE


def test_its_terminal_is_closed(tmp_path: Path) -> None:
    """What was to be preserved is not lost, though the bar can no longer be drawn."""
    (tmp_path / "code.bin").write_bytes(CODE)
    neighbour = b"of somebody else"
    image = tmp_path / "flash.bin"
    image.write_bytes(b"\xff" * len(CODE) + neighbour + b"\xff" * (1024 * 1024 - len(CODE) - len(neighbour)))
    ours, theirs = pty.openpty()
    with emulated("stm32f405", timing="real", image=image) as port, PreloadBus(port) as bus:
        command = [*WRITE, "--preserve"]
        with subprocess.Popen(command, cwd=tmp_path, env=bus.environment(), stderr=theirs) as host:
            os.close(theirs)
            shown = b""
            while b"writing" not in shown:
                shown += os.read(ours, 4096)
            os.close(ours)
            host.send_signal(signal.SIGHUP)
            assert host.wait(TIME_LIMIT) == 130
    (saved,) = tmp_path.glob("preserved-*.bin")
    assert saved.read_bytes() == neighbour
