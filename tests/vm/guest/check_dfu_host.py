"""What dfu-host does beyond dfu-util, over each transport and through a real kernel and libusb."""

import json
import sys
from pathlib import Path

import pytest

from dfu_host.errors import ExitCode
from vm.guest.bus import device_number, dfu_host, host, wait_for_chip
from vm.guest.conftest import PlugIn

FLASH_START = 0x08000000
SECTOR = 16 * 1024
NEW = bytes(range(256)) * 150
"""Two sectors and a part of the third."""


@pytest.fixture
def new(tmp_path: Path) -> str:
    file = tmp_path / "new.bin"
    file.write_bytes(NEW)
    return str(file)


def test_a_write_that_lost_power_is_resumed(plug_in: PlugIn, new: str) -> None:
    port = plug_in(scenario="power-loss-in-erase")
    flash = port.device.bootloader.chip.flash
    flash.disturb(FLASH_START, bytes(4 * SECTOR))
    number = device_number()
    write = (sys.executable, "-m", "dfu_host", "write", "--address", "0x08000000", "--no-preserve", new)
    done = host(*write)
    assert done.code == ExitCode.DEVICE, done.output
    wait_for_chip(other_than=number)
    done = host(*write, "--resume")
    assert done.code == 0, done.output
    assert flash.read(FLASH_START, len(NEW)) == NEW


def test_a_write_touches_only_what_differs(plug_in: PlugIn, new: str) -> None:
    port = plug_in()
    flash = port.device.bootloader.chip.flash
    flash.disturb(FLASH_START, NEW)
    flash.disturb(FLASH_START + SECTOR, b"another")
    told = json.loads(dfu_host("write", "--json", "--diff", "--address", "0x08000000", new).stdout)
    assert told["erased"] == SECTOR
    assert told["verified"]
    assert flash.read(FLASH_START, len(NEW)) == NEW


def test_a_neighbours_data_are_kept(plug_in: PlugIn, new: str) -> None:
    port = plug_in()
    flash = port.device.bootloader.chip.flash
    neighbour = FLASH_START + 3 * SECTOR - 16
    flash.disturb(neighbour, b"calibration data")
    dfu_host("write", "--preserve", "--address", "0x08000000", new)
    assert flash.read(FLASH_START, len(NEW)) == NEW
    assert flash.read(neighbour, 16) == b"calibration data"


def test_a_file_is_compared_with_the_chip(plug_in: PlugIn, new: str) -> None:
    port = plug_in()
    flash = port.device.bootloader.chip.flash
    flash.disturb(FLASH_START, NEW)
    dfu_host("verify", "--address", "0x08000000", new)
    flash.disturb(FLASH_START + 5000, b"\x00\x00\x00\x00")
    done = host(sys.executable, "-m", "dfu_host", "verify", "--address", "0x08000000", new)
    assert done.code == ExitCode.VERIFY, done.output
