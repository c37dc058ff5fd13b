"""Checks that hold for every gadget transport: what a host does to flash a chip."""

import errno
from pathlib import Path

import pytest
import usb.core

from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from end_to_end.test_dfu_util import FLASH, MIB, application, firmware
from vm.guest.conftest import (
    DfuUtil,
    PlugIn,
    device_number,
    host,
    usb_device,
    wait_for_chip,
    wait_for_no_chip,
    wait_until,
)

FLASH_ARGUMENTS = FLASH.split()[1:]
FLASH_START = 0x08000000
SECRET = b"16 bytes of code"


def send(device: usb.core.Device, request: Request, block: int = 0, data: bytes = b"") -> None:
    setup = SetupPacket.dfu(request)
    device.ctrl_transfer(setup.bmRequestType, setup.bRequest, block, 0, data)


def ask(device: usb.core.Device, request: Request, length: int, block: int = 0, timeout: int = 5000) -> bytes:
    setup = SetupPacket.dfu(request)
    return bytes(device.ctrl_transfer(setup.bmRequestType, setup.bRequest, block, 0, length, timeout))


def status(device: usb.core.Device, timeout: int = 5000) -> StatusReply:
    return StatusReply.parse(ask(device, Request.GETSTATUS, 6, timeout=timeout))


def to_idle(device: usb.core.Device) -> None:
    while status(device).bState is not State.DFU_IDLE:
        send(device, Request.CLRSTATUS)


def test_what_is_written_is_read_back(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    port = plug_in()
    image = firmware(20_000)
    (tmp_path / "new").write_bytes(image)
    dfu_util(*FLASH_ARGUMENTS, "-D", str(tmp_path / "new"))
    assert port.device.bootloader.chip.flash.read(FLASH_START, len(image)) == image
    dfu_util("-a", "0", "-s", f"{FLASH_START}:{len(image)}:force", "-U", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == image


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


def test_requests_are_stalled_and_the_device_stays_usable(plug_in: PlugIn) -> None:
    plug_in()
    device = usb_device()
    to_idle(device)
    for stalled in (
        lambda: send(device, Request.DNLOAD, 1, b"reserved"),  # OUT, with data
        lambda: send(device, Request.DETACH),  # OUT, without
        lambda: ask(device, Request.UPLOAD, 64, block=1),  # IN
        lambda: ask(device, Request.UPLOAD, 0),  # IN, without data
        lambda: send(device, Request.DNLOAD, 2, bytes(2049)),  # more than wTransferSize
    ):
        with pytest.raises(usb.core.USBError) as error:
            stalled()
        assert error.value.errno == errno.EPIPE
        assert status(device)[:3:2] == (Status.STALLEDPKT, State.ERROR)
        to_idle(device)
    send(device, Request.DNLOAD, 0, b"\x21" + FLASH_START.to_bytes(4, "little"))
    assert status(device).bState is State.DNBUSY
    assert status(device).bState is State.DNLOAD_IDLE


def test_a_host_may_give_up_while_the_chip_is_busy(plug_in: PlugIn, tmp_path: Path) -> None:
    """The chip NAKs during a mass erase; a host that waits too short a time may ask again later."""
    profile = tmp_path / "erases_in_a_second.yaml"
    shipped = Path(__file__).resolve().parents[3] / "profiles" / "stm32f405.yaml"
    profile.write_text(f"extends: {shipped}\ntiming: {{flash: {{x8: {{mass_erase: {{typ: 1 s}}}}}}}}\n")
    plug_in(str(profile), timing="real")
    device = usb_device()
    to_idle(device)
    send(device, Request.DNLOAD, 0, b"\x41")
    assert status(device).bState is State.DNBUSY
    with pytest.raises(usb.core.USBTimeoutError):
        status(device, timeout=50)

    def erased() -> bool:
        try:
            return status(device).bState is State.DNLOAD_IDLE
        except usb.core.USBError:
            return False

    wait_until(erased, "the chip does not answer any more")
