"""A dfu-host that is killed outright in a write, as a process over real libusb; the next one completes it."""

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
