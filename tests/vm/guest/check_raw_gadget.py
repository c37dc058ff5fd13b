"""What only raw-gadget can do."""

import pytest

from dfu_protocol import Request, State
from vm.guest.bus import LINUX, ask, send, status, to_idle, usb_device
from vm.guest.conftest import PlugIn
from vm.guest.transports import RAW_GADGET, Transport

TELLS_RESETS = LINUX >= (6, 6)


@pytest.fixture
def transport() -> Transport:
    return RAW_GADGET


@pytest.mark.skipif(not TELLS_RESETS, reason="raw_gadget tells bus resets from Linux 6.6 on")
def test_a_bus_reset_ends_what_goes_on(plug_in: PlugIn) -> None:
    plug_in()
    device = usb_device()
    to_idle(device)
    send(device, Request.DNLOAD, 2, b"data")
    # Asked over the bus: the host has its answer before the chip has made up its mind.
    assert device.ctrl_transfer(0xA1, Request.GETSTATE, 0, 0, 1)[0] == State.DNLOAD_SYNC
    device.reset()
    assert status(device).bState is State.DFU_IDLE


def test_a_host_may_be_done_with_a_whole_block(plug_in: PlugIn) -> None:
    """Nothing comes behind it, an empty packet least of all: the device can still leave."""
    plug_in()
    device = usb_device()
    to_idle(device)
    assert len(ask(device, Request.UPLOAD, 2048, block=2)) == 2048
