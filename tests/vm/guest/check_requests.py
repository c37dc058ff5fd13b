"""Single requests, over each transport: what is stalled, held back, or makes the chip leave."""

import errno
from pathlib import Path

import pytest
import usb.core

from dfu_protocol import Request, StandardRequest, State, Status
from vm.guest.bus import ask, device_number, send, status, to_idle, usb_device, wait_for_chip, wait_until
from vm.guest.conftest import PlugIn
from vm.guest.transports import Transport

FLASH_START = 0x08000000


def variant(folder: Path, change: str) -> str:
    """A profile that is the STM32F405's but for ``change``."""
    profile = folder / "variant.yaml"
    shipped = Path(__file__).resolve().parents[3] / "profiles" / "stm32f405.yaml"
    profile.write_text(f"extends: {shipped}\n{change}\n")
    return str(profile)


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
    plug_in(variant(tmp_path, "timing: {flash: {x8: {mass_erase: {typ: 1 s}}}}"), timing="real")
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


def test_get_interface_tells_the_alternate(plug_in: PlugIn, transport: Transport) -> None:
    plug_in()
    device = usb_device()
    for alternate in (*reversed(transport.alternates), transport.alternates[-1]):
        device.set_interface_altsetting(0, alternate)
        told = device.ctrl_transfer(0x81, StandardRequest.GET_INTERFACE, 0, 0, 1)
        assert bytes(told) == bytes((alternate,))


def test_a_chip_that_obeys_detach_leaves_and_comes_back(plug_in: PlugIn, tmp_path: Path) -> None:
    """The STM32F405 stalls DFU_DETACH; others take it for what its name says."""
    plug_in(variant(tmp_path, "bootloader: {detach: reenumerate}"))
    number = device_number()
    device = usb_device()
    to_idle(device)
    send(device, Request.DETACH)
    wait_for_chip(other_than=number)
    assert status(usb_device()).bState is State.DFU_IDLE
