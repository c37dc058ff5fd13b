"""Steps as they go out, and what becomes of the errors of PyUSB."""

import errno
from collections.abc import Iterator
from typing import Any

import pytest
import usb.core

from dfu_emulator.transports.inprocess import Backend
from dfu_host.errors import DeviceGoneError, DeviceTimeoutError, HostError, StalledError
from dfu_host.link import Link, usb_errors
from dfu_protocol import Request, SetupPacket, State
from host_client.bench import Bench


@pytest.fixture
def link(f405_bench: Bench) -> Iterator[Link]:
    link = Link(usb.core.find(backend=f405_bench.backend), 1, 0)
    yield link
    link.close()


def test_control(f405_bench: Bench, link: Link) -> None:
    assert link.control(SetupPacket(0x21, 4), b"", 1) == b""
    assert link.control(SetupPacket(0x21, 1, 0, 0, 5), b"\x21\x00\x00\x00\x08", 1) == b""
    assert link.control(SetupPacket(0xA1, 3, 0, 0, 6), b"", 1)[4] == State.DNBUSY
    sent = [(transfer.setup, transfer.data) for transfer in f405_bench.requests(Request.DNLOAD)]
    assert sent == [(SetupPacket(0x21, 1, 0, 0, 5), b"\x21\x00\x00\x00\x08")]


def test_stall_names_the_request(link: Link) -> None:
    with pytest.raises(StalledError, match="DFU_UPLOAD stalled") as caught:
        link.control(SetupPacket(0xA1, 2, 2, 0, 64), b"", 1)
    assert caught.value.request is Request.UPLOAD


def test_select(f405_bench: Bench, link: Link) -> None:
    link.select(2)
    assert f405_bench.port.device.alternate_setting == 2


def test_unconfigured_device_is_configured(f405_bench: Bench) -> None:
    device = usb.core.find(backend=f405_bench.backend)
    f405_bench.port.reset()
    assert f405_bench.port.device.configuration == 0
    Link(device, 1, 0)
    assert f405_bench.port.device.configuration == 1


def test_interface_that_another_program_has(f405_bench: Bench) -> None:
    class Taken(Backend):
        def claim_interface(self, dev_handle: Any, intf: int) -> None:
            raise usb.core.USBError("Resource busy", errno=errno.EBUSY)

    with pytest.raises(HostError, match="opening the device: another program"):
        Link(usb.core.find(backend=Taken(f405_bench.port)), 1, 0)


@pytest.mark.parametrize(
    ("raised", "becomes", "message"),
    [
        (usb.core.USBTimeoutError("x", errno=errno.ETIMEDOUT), DeviceTimeoutError, "no answer"),
        (usb.core.USBError("No such device", errno=errno.ENODEV), DeviceGoneError, "has left the bus"),
        (usb.core.USBError("I/O error", errno=errno.EIO), DeviceGoneError, "has left the bus"),
        (usb.core.USBError("Access denied", errno=errno.EACCES), HostError, "udev rule"),
        (usb.core.USBError("Busy", errno=errno.EBUSY), HostError, "another program"),
        (usb.core.USBError("Overflow", errno=errno.EOVERFLOW), HostError, "doing it: Overflow"),
        (usb.core.NoBackendError("x"), HostError, r"libusb-1\.0-0"),
        (NotImplementedError("x"), HostError, "WinUSB"),
    ],
)
def test_usb_errors(raised: Exception, becomes: type[HostError], message: str) -> None:
    with pytest.raises(HostError, match=message) as caught, usb_errors("doing it"):
        raise raised
    assert type(caught.value) is becomes
