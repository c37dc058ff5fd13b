"""``dfu-emulator demo``, with dfu-util and without."""

import sys
from pathlib import Path

import pytest

from end_to_end.conftest import Emulator


@pytest.mark.usefixtures("dfu_util")
def test_with_dfu_util(emulator: Emulator) -> None:
    done = emulator("demo")
    assert done.code == 0, done.output
    assert "$ dfu-util -a 0 -s 0x08000000 -D firmware.bin" in done.stdout
    assert "dfuERROR -> dfuIDLE" in done.stdout
    assert "the device leaves the bus: leave; the application runs" in done.stdout
    assert "5000 bytes written and read back: equal" in done.stdout


def test_without_dfu_util(emulator: Emulator) -> None:
    done = emulator("demo", environment={"PATH": str(Path(sys.executable).parent)})
    assert done.code == 0, done.output
    assert "with dfu-host, because dfu-util is not installed" in done.stdout
    assert "$ dfu-host write --address 0x08000000 firmware.bin" in done.stdout
    assert "the device leaves the bus: leave; the application runs" in done.stdout
    assert "5000 bytes written and read back: equal" in done.stdout
