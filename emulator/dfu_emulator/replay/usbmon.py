"""Packets of Linux's usbmon. Source: usbmon.rst of the Linux kernel, binary API."""

import errno

from construct import Bytes, StreamError, Struct

from dfu_emulator.replay.packet import CaptureError, Order, Packet, structure
from dfu_emulator.replay.records import CONTROL, Outcome, Record
from dfu_protocol import SetupPacket

_SUBMIT, _COMPLETE, _ERROR = b"SCE"
_TRANSFER_TYPE = 9
"""Where it is: most packets of a capture are about other transfers, and are passed over by it."""
_PRESENT = 0
"""As the flags of setup and data; else they are a character that says why there is none."""
_ANSWERED = (0, -errno.EREMOTEIO)
"""EREMOTEIO: less than the host asked for, where its driver takes that for an error."""
_GIVEN_UP = (-errno.ENOENT, -errno.ECONNRESET, -errno.ETIMEDOUT)


def _header(order: Order) -> Struct:
    start = structure(
        order, identity="Q", kind="B", transfer="B", endpoint="B", address="B", bus="H", setup_flag="B",
        data_flag="B", seconds="q", microseconds="l", status="l", length="L", captured="L",
    )  # fmt: skip
    return start + Struct("setup" / Bytes(8))


_HEADERS: dict[Order, Struct] = {"<": _header("<"), ">": _header(">")}
SIZES = {189: 48, 220: 64}
"""Bytes before the data, by link type (LINKTYPE_USB_LINUX and LINKTYPE_USB_LINUX_MMAPPED)."""


def record(packet: Packet) -> Record | None:
    """What a packet tells of a control transfer, None if it is about another. Raises CaptureError."""
    if packet.data[_TRANSFER_TYPE : _TRANSFER_TYPE + 1] != bytes((CONTROL,)):
        return None
    try:
        found = _HEADERS[packet.order].parse(packet.data)
    except StreamError:
        raise CaptureError(f"damaged: packet {packet.number} is too short for usbmon") from None
    common = Record(packet.number, packet.at, found.bus, found.address, found.identity)
    data = packet.data[SIZES[packet.link_type] :][: found.captured]
    if found.kind == _SUBMIT:
        if found.setup_flag != _PRESENT:
            return None
        setup = SetupPacket.parse(found.setup)
        missing = 0 if setup.is_in else max(0, setup.wLength - len(data))
        return common._replace(setup=setup, data=data, missing=missing)
    if found.kind not in (_COMPLETE, _ERROR):
        raise CaptureError(f"damaged: packet {packet.number} is of no kind that usbmon knows")
    outcome = _outcome(found.status)
    is_in = found.endpoint & 0x80
    missing = max(0, found.length - len(data)) if is_in and outcome is Outcome.ANSWERED else 0
    return common._replace(data=data, missing=missing, ended=outcome)


def _outcome(status: int) -> Outcome:
    if status in _ANSWERED:
        return Outcome.ANSWERED
    if status == -errno.EPIPE:
        return Outcome.STALL
    return Outcome.NO_ANSWER if status in _GIVEN_UP else Outcome.FAILED
