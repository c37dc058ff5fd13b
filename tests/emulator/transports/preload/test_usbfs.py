"""Requests that the kernel makes for a program: it waits for their answers within the ioctl."""

import errno
from struct import pack

import pytest

from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_emulator.transports.preload.usbfs import Claims, UsbfsFile
from dfu_protocol import StandardRequest
from dfu_protocol.control import STANDARD
from emulator.host import Plug

USBDEVFS_SETINTERFACE = 0x80085504
SET_INTERFACE = When(request=Requests([(STANDARD, StandardRequest.SET_INTERFACE)]))


class Memory:
    """Of a program that asks for alternate setting 1 of interface 0."""

    def read(self, _address: int, _size: int) -> bytes:
        return pack("II", 0, 1)

    def write(self, _address: int, _data: bytes) -> None:
        raise AssertionError("the ioctl brings nothing back")


def set_interface(file: UsbfsFile) -> int:
    """The errno that the program gets, 0 for none."""
    try:
        file.ioctl(USBDEVFS_SETINTERFACE, 0, Memory())
    except OSError as error:
        return error.errno or -1
    return 0


@pytest.mark.parametrize(
    ("fault", "number", "waited"),
    [
        (Fault(do=Do.DELAY, when=SET_INTERFACE, time=Duration(300_000)), 0, 300_000),
        (Fault(do=Do.TIMEOUT, when=SET_INTERFACE), errno.ETIMEDOUT, 5_000_000),
        (Fault(do=Do.STALL, when=SET_INTERFACE), errno.EPIPE, 0),
        (Fault(do=Do.DISCONNECT, when=SET_INTERFACE), errno.ENODEV, 0),
    ],
    ids=lambda value: value.do.value if isinstance(value, Fault) else None,
)
def test_set_interface_with_a_fault(plug: Plug, fault: Fault, number: int, waited: int) -> None:
    host = plug(scenario=Scenario(faults=(fault,)))
    before = host.clock.now()
    assert set_interface(UsbfsFile(host.port, Claims(), host.port.address)) == number
    assert host.clock.now() - before == waited
