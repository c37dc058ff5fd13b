"""Packets of USBPcap on Windows.

Source: USBPcap Capture format specification (desowin.org/usbpcap/captureformat.html); the status codes are
those of the Windows driver kit's usb.h.
"""

from construct import StreamError

from dfu_emulator.replay.packet import CaptureError, Packet, structure
from dfu_emulator.replay.records import CONTROL, Outcome, Record
from dfu_protocol import ProtocolError, SetupPacket

LINK_TYPE = 249
_HEADER = structure(
    "<", size="H", identity="Q", status="L", function="H", info="B", bus="H", address="H", endpoint="B",
    transfer="B", length="L",
)  # fmt: skip
_STAGE = _HEADER.sizeof()
"""Where the header of a control transfer goes on with its stage."""
_SETUP, _DATA, _STATUS, _COMPLETE = range(4)
"""Stages. Before version 1.5 there was no complete, but data and status; a setup had no data."""
_SETUP_SIZE = 8
_ANSWERED = (0x00000000, 0x80000900)
"""The latter: less than the host asked for, where its driver takes that for an error."""
_STALLED = (0xC0000004, 0xC0000030)
_GIVEN_UP = (0xC0010000, 0xC0006000)


def record(packet: Packet) -> Record | None:
    """What a packet tells of a control transfer, None if it is about another. Raises CaptureError."""
    try:
        found = _HEADER.parse(packet.data)
    except StreamError:
        raise _too_short(packet) from None
    if found.transfer != CONTROL:
        return None
    if not _STAGE < found.size <= len(packet.data):
        raise _too_short(packet)
    common = Record(packet.number, packet.at, found.bus, found.address, found.identity)
    stage, data = packet.data[_STAGE], packet.data[found.size :]
    missing = max(0, found.length - len(data))
    if stage == _SETUP:
        try:
            setup = SetupPacket.parse(data[:_SETUP_SIZE])
        except ProtocolError:
            raise _too_short(packet) from None
        return common._replace(setup=setup, data=data[_SETUP_SIZE:], missing=missing)
    if stage == _DATA:
        return common._replace(data=data, missing=missing)
    if stage in (_STATUS, _COMPLETE):
        return common._replace(data=data, missing=missing, ended=_outcome(found.status))
    raise CaptureError(f"damaged: packet {packet.number} is of no stage that USBPcap knows")


def _too_short(packet: Packet) -> CaptureError:
    return CaptureError(f"damaged: packet {packet.number} is too short for USBPcap")


def _outcome(status: int) -> Outcome:
    if status in _ANSWERED:
        return Outcome.ANSWERED
    if status in _STALLED:
        return Outcome.STALL
    return Outcome.NO_ANSWER if status in _GIVEN_UP else Outcome.FAILED
