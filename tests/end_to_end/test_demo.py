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


def test_a_terminal_without_blocks(emulator: Emulator) -> None:
    done = emulator(
        "demo", environment={"PYTHONIOENCODING": "ascii", "PATH": str(Path(sys.executable).parent)}
    )
    assert done.code == 0, done.output
    assert "##########......................" in done.stdout


def test_a_narrow_terminal_without_what_tables_are_cut_by(emulator: Emulator) -> None:
    done = emulator("demo", environment={"PYTHONIOENCODING": "ascii", "COLUMNS": "30"})
    assert done.code == 0, done.stderr
    assert "?" in done.stdout


def test_a_host_tool_that_fails_ends_it(emulator: Emulator, tmp_path: Path) -> None:
    broken = tmp_path / "dfu-util"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    done = emulator("demo", environment={"PATH": f"{tmp_path}:{Path(sys.executable).parent}:/bin:/usr/bin"})
    assert done.code == 1
    assert done.stdout.endswith("dfu-util failed with exit code 3\n")


def test_another_chip_with_less_flash(emulator: Emulator) -> None:
    done = emulator("demo", "--profile", "h743", "--set", "flash.size=1M", "--rom-version", "rev Y")
    assert done.code == 0, done.output
    assert "STM32H743ZI in its ROM bootloader" in done.stdout
    assert "0x080E0000" in done.stdout
    assert "0x08100000" not in done.stdout
