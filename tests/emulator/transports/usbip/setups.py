"""Requests that the tests of USB/IP send."""

from dfu_emulator.port import Port
from dfu_protocol import Request, SetupPacket
from emulator.host import FLASH

GET_DEVICE_DESCRIPTOR = SetupPacket(0x80, 6, 0x0100, 0, 18)
GET_CONFIGURATION = SetupPacket(0x80, 8, 0, 0, 1)
GET_STATUS = SetupPacket.dfu(Request.GETSTATUS, wLength=6)
GET_STATE = SetupPacket.dfu(Request.GETSTATE, wLength=1)
PORT_RESET = SetupPacket(0x23, 3, 4)
MASS_ERASE, READ_UNPROTECT = b"\x41", b"\x92"
ERASE_16K = b"\x41" + FLASH.to_bytes(4, "little")


def dnload(data: bytes, block: int = 0) -> SetupPacket:
    return SetupPacket.dfu(Request.DNLOAD, block, len(data))


def leave(port: Port) -> None:
    """Have the device leave, by a host in this process."""
    port.configure()
    port.control(SetupPacket.dfu(Request.CLRSTATUS))
    port.control(dnload(b""))
    assert port.control(GET_STATUS).departure is not None
