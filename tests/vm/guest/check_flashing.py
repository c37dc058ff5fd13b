"""What flashes a chip, over each transport: dfu-util and dfu-host."""

from pathlib import Path

import pytest

from end_to_end.test_dfu_util import FLASH, MIB, application, firmware
from vm.guest.bus import device_number, dfu_host, host, wait_for_chip, wait_for_no_chip
from vm.guest.conftest import DfuUtil, PlugIn
from vm.guest.transports import Transport

FLASH_ARGUMENTS = FLASH.split()[1:]
FLASH_START = 0x08000000
SECRET = b"16 bytes of code"
OPTION_BYTES = "0x1FFFC000"
FRESH = {
    1: (OPTION_BYTES, b"\xff\xaa" + b"\xff" * 14),
    2: ("0x1FFF7800", b"\xff" * 512),
    3: ("0xFFFF0000", b"\x00\xff\xff\xff"),
}
"""What dfu-util reads through the alternate settings of a new chip, and from where."""


def test_a_full_mebibyte_goes_there_and_back(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    port = plug_in()
    image = firmware(MIB)
    (tmp_path / "new").write_bytes(image)
    dfu_util(*FLASH_ARGUMENTS, "-D", str(tmp_path / "new"))
    assert port.device.bootloader.chip.flash.read(FLASH_START, MIB) == image
    dfu_util("-a", "0", "-s", f"{FLASH_START}:{MIB}:force", "-U", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == image


def test_every_alternate_can_be_read(
    plug_in: PlugIn, transport: Transport, tmp_path: Path, dfu_util: DfuUtil
) -> None:
    plug_in()
    for alternate in transport.alternates[1:]:
        address, contents = FRESH[alternate]
        file = tmp_path / str(alternate)
        dfu_util("-a", str(alternate), "-s", address, "-U", str(file))
        assert file.read_bytes() == contents


def test_mass_erase(plug_in: PlugIn, dfu_util: DfuUtil) -> None:
    port = plug_in()
    flash = port.device.bootloader.chip.flash
    flash.write(FLASH_START, SECRET)
    dfu_util("-a", "0", "-s", f"{FLASH_START}:mass-erase:force")
    assert flash.read(FLASH_START, MIB) == b"\xff" * MIB


def test_unprotect_makes_the_chip_leave_and_come_back_erased(
    plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil
) -> None:
    port = plug_in(rdp=1)
    port.device.bootloader.chip.flash.write(FLASH_START, SECRET)
    number = device_number()
    assert "resets now" in dfu_util("-a", "0", "-s", f"{FLASH_START}:unprotect:force").stdout
    wait_for_chip(other_than=number)
    dfu_util("-a", "0", "-s", f"{FLASH_START}:16:force", "-U", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"\xff" * 16


def test_option_bytes_reset_the_chip(
    plug_in: PlugIn, transport: Transport, tmp_path: Path, dfu_util: DfuUtil
) -> None:
    if 1 not in transport.alternates:
        pytest.skip("dfu-util writes option bytes only through alternate 1")
    plug_in()
    number = device_number()
    options = b"\xff\xaa" + b"\xff" * 6 + b"\xfe" + b"\xff" * 7  # sector 0 is write protected
    (tmp_path / "options").write_bytes(options)
    dfu_util("-a", "1", "-s", f"{OPTION_BYTES}:will-reset", "-D", str(tmp_path / "options"))
    wait_for_chip(other_than=number)
    dfu_util("-a", "1", "-s", OPTION_BYTES, "-U", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == options


def test_leave_starts_the_application(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    port = plug_in()
    (tmp_path / "new").write_bytes(application(4096))
    done = dfu_util("-a", "0", "-s", f"{FLASH_START}:leave", "-D", str(tmp_path / "new"))
    assert "Transitioning to dfuMANIFEST state" in done.stdout
    wait_for_no_chip()
    assert not port.attached
    assert host("dfu-util", "-l").lines("Found DFU") == []


def test_leave_without_an_application_comes_back(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    plug_in()
    number = device_number()
    dfu_util("-a", "0", "-s", f"{FLASH_START}:4:leave", "-U", str(tmp_path / "back"))
    wait_for_chip(other_than=number)
    assert host("dfu-util", "-l").lines("Found DFU")


def test_dfu_host_does_all_of_it(plug_in: PlugIn, tmp_path: Path) -> None:
    port = plug_in(rdp=1)
    flash = port.device.bootloader.chip.flash
    flash.write(FLASH_START, SECRET)
    number = device_number()
    dfu_host("erase", "--unprotect", "--yes")
    wait_for_chip(other_than=number)
    assert flash.read(FLASH_START, MIB) == b"\xff" * MIB
    flash.write(FLASH_START, SECRET)
    dfu_host("erase", "--mass")
    assert flash.read(FLASH_START, MIB) == b"\xff" * MIB
    image = application(MIB)
    (tmp_path / "new.bin").write_bytes(image)
    assert "verified" in dfu_host("write", "--address", "0x08000000", str(tmp_path / "new.bin")).stderr
    assert flash.read(FLASH_START, MIB) == image
    dfu_host("read", "--address", "0x08000000", "--length", "64K", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == image[: 64 * 1024]
    dfu_host("leave", "--address", "0x08000000")
    wait_for_no_chip()
    assert not port.attached
