"""The structures of USB/IP 1.1.1, all big-endian, under the names that Linux gives them.

The messages before an import are declared in construct. Those of each URB are on the hot path: ``struct``.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from construct import Array, Const, Int8ub, Int16ub, Int32ub, PaddedString, PrefixedArray, Struct, this

VERSION = 0x0111
BUSID_SIZE = 32
SPEED_FULL = 2
"""USB_SPEED_FULL of Linux' enum usb_device_speed."""


class OpCode(IntEnum):
    """Code of an op_common: what is asked before an import, or answered."""

    REQ_IMPORT = 0x8003
    REP_IMPORT = 0x0003
    REQ_DEVLIST = 0x8005
    REP_DEVLIST = 0x0005


class OpStatus(IntEnum):
    """Status of an op_common."""

    OK = 0
    DEV_BUSY = 2
    NODEV = 4


OP_COMMON = Struct("version" / Int16ub, "code" / Int16ub, "status" / Int32ub)

USB_DEVICE = Struct(
    "path" / PaddedString(256, "ascii"),
    "busid" / PaddedString(BUSID_SIZE, "ascii"),
    "busnum" / Int32ub,
    "devnum" / Int32ub,
    "speed" / Int32ub,
    "idVendor" / Int16ub,
    "idProduct" / Int16ub,
    "bcdDevice" / Int16ub,
    "bDeviceClass" / Int8ub,
    "bDeviceSubClass" / Int8ub,
    "bDeviceProtocol" / Int8ub,
    "bConfigurationValue" / Int8ub,
    "bNumConfigurations" / Int8ub,
    "bNumInterfaces" / Int8ub,
)

USB_INTERFACE = Struct(
    "bInterfaceClass" / Int8ub,
    "bInterfaceSubClass" / Int8ub,
    "bInterfaceProtocol" / Int8ub,
    "padding" / Const(0, Int8ub),
)

DEVLIST = PrefixedArray(
    Int32ub, Struct("device" / USB_DEVICE, "interfaces" / Array(this.device.bNumInterfaces, USB_INTERFACE))
)


class Command(IntEnum):
    """Command of a usbip_header_basic."""

    CMD_SUBMIT = 1
    CMD_UNLINK = 2
    RET_SUBMIT = 3
    RET_UNLINK = 4


DIR_OUT = 0

HEADER_BASIC = struct.Struct(">5I")
HEADER_CMD_SUBMIT = struct.Struct(">10I8s")
HEADER_CMD_UNLINK = struct.Struct(">6I24x")
HEADER_RET_SUBMIT = struct.Struct(">5Ii4I8x")
HEADER_RET_UNLINK = struct.Struct(">5Ii24x")
HEADER_SIZE = HEADER_CMD_SUBMIT.size
"""Of each of the four."""


class CmdSubmit(NamedTuple):
    """USBIP_CMD_SUBMIT; the data of an OUT transfer follow it."""

    command: int
    seqnum: int
    devid: int
    direction: int
    ep: int
    transfer_flags: int
    transfer_buffer_length: int
    start_frame: int
    number_of_packets: int
    """Only has a meaning for isochronous transfers: clients send 0, -1 or whatever was there before."""
    interval: int
    setup: bytes

    @classmethod
    def parse(cls, header: bytes) -> "CmdSubmit":
        """Read HEADER_SIZE bytes."""
        return cls._make(HEADER_CMD_SUBMIT.unpack(header))


class CmdUnlink(NamedTuple):
    """USBIP_CMD_UNLINK."""

    command: int
    seqnum: int
    devid: int
    direction: int
    ep: int
    unlink_seqnum: int

    @classmethod
    def parse(cls, header: bytes) -> "CmdUnlink":
        """Read HEADER_SIZE bytes."""
        return cls._make(HEADER_CMD_UNLINK.unpack(header))


def op_reply(code: OpCode, status: OpStatus) -> bytes:
    """The op_common of a reply."""
    built: bytes = OP_COMMON.build({"version": VERSION, "code": code, "status": status})
    return built


def ret_submit(command: CmdSubmit, status: int, actual_length: int = 0, data: bytes = b"") -> bytes:
    """USBIP_RET_SUBMIT, with ``data`` of an IN transfer. Frames and packets go back as they came."""
    return (
        HEADER_RET_SUBMIT.pack(
            Command.RET_SUBMIT,
            command.seqnum,
            0,
            0,
            0,
            status,
            actual_length,
            command.start_frame,
            command.number_of_packets,
            0,
        )
        + data
    )


def ret_unlink(seqnum: int, status: int) -> bytes:
    """USBIP_RET_UNLINK."""
    return HEADER_RET_UNLINK.pack(Command.RET_UNLINK, seqnum, 0, 0, 0, status)
