"""SETUP packets and DFU_GETSTATUS replies, also against a second declaration of the same layouts."""

from typing import Any

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_protocol import ProtocolError, Request, SetupPacket, State, Status, StatusReply
from dfu_protocol.control import CLASS, DEVICE, ENDPOINT, INTERFACE, STANDARD, VENDOR

U8, U16, U24 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 24))

SETUP_PACKETS = st.builds(SetupPacket, U8, U8, U16, U16, U16)
STATUS_REPLIES = st.builds(StatusReply, st.sampled_from(Status), U24, st.sampled_from(State), U8)

SETUP_LAYOUT = construct.Struct(
    "bmRequestType" / construct.Int8ul,
    "bRequest" / construct.Int8ul,
    "wValue" / construct.Int16ul,
    "wIndex" / construct.Int16ul,
    "wLength" / construct.Int16ul,
)
STATUS_LAYOUT = construct.Struct(
    "bStatus" / construct.Int8ul,
    "bwPollTimeout" / construct.Int24ul,
    "bState" / construct.Int8ul,
    "iString" / construct.Int8ul,
)


@given(SETUP_PACKETS)
def test_setup_packet_survives_the_wire(packet: SetupPacket) -> None:
    assert SetupPacket.parse(packet.build()) == packet


@given(SETUP_PACKETS)
def test_setup_packet_has_the_layout_of_usb(packet: SetupPacket) -> None:
    assert packet.build() == SETUP_LAYOUT.build(packet._asdict())


@given(st.binary(min_size=8, max_size=8))
def test_any_eight_bytes_are_a_setup_packet(data: bytes) -> None:
    packet = SetupPacket.parse(data)
    fields: dict[str, Any] = SETUP_LAYOUT.parse(data)
    assert all(fields[name] == value for name, value in packet._asdict().items())
    assert packet.build() == data


def test_setup_packet_on_the_wire() -> None:
    assert (
        SetupPacket.dfu(Request.UPLOAD, wValue=2, wLength=2048).build().hex(" ") == "a1 02 02 00 00 00 00 08"
    )


@pytest.mark.parametrize("size", [0, 7, 9])
def test_setup_packet_of_another_size(size: int) -> None:
    with pytest.raises(ProtocolError, match=f"8 bytes, not {size}"):
        SetupPacket.parse(bytes(size))


@pytest.mark.parametrize(
    "packet", [SetupPacket(0x100, 0), SetupPacket(0, -1), SetupPacket(0, 0, wLength=65536)]
)
def test_setup_packet_with_a_field_too_large(packet: SetupPacket) -> None:
    with pytest.raises(ProtocolError, match="SetupPacket"):
        packet.build()


@pytest.mark.parametrize(
    ("request_type", "is_in", "kind", "recipient"),
    [
        (0x00, False, STANDARD, DEVICE),
        (0x80, True, STANDARD, DEVICE),
        (0x81, True, STANDARD, INTERFACE),
        (0x02, False, STANDARD, ENDPOINT),
        (0x21, False, CLASS, INTERFACE),
        (0xA1, True, CLASS, INTERFACE),
        (0xC0, True, VENDOR, DEVICE),
        (0x7F, False, 3, 31),
    ],
)
def test_fields_of_bm_request_type(request_type: int, is_in: bool, kind: int, recipient: int) -> None:
    packet = SetupPacket(request_type, 0)
    assert (packet.is_in, packet.type, packet.recipient) == (is_in, kind, recipient)


@pytest.mark.parametrize(
    ("request_code", "request_type"),
    [
        (Request.DETACH, 0x21),
        (Request.DNLOAD, 0x21),
        (Request.UPLOAD, 0xA1),
        (Request.GETSTATUS, 0xA1),
        (Request.CLRSTATUS, 0x21),
        (Request.GETSTATE, 0xA1),
        (Request.ABORT, 0x21),
    ],
)
def test_bm_request_type_of_each_dfu_request(request_code: Request, request_type: int) -> None:
    packet = SetupPacket.dfu(request_code, wValue=3, wLength=5, interface=7)
    assert packet == (request_type, request_code, 3, 7, 5)


@given(STATUS_REPLIES)
def test_status_reply_survives_the_wire(reply: StatusReply) -> None:
    parsed = StatusReply.parse(reply.build())
    assert parsed == reply
    assert isinstance(parsed.bStatus, Status)
    assert isinstance(parsed.bState, State)


@given(STATUS_REPLIES)
def test_status_reply_has_the_layout_of_dfu(reply: StatusReply) -> None:
    assert reply.build() == STATUS_LAYOUT.build(reply._asdict())
    fields: dict[str, Any] = STATUS_LAYOUT.parse(reply.build())
    assert all(fields[name] == value for name, value in StatusReply.parse(reply.build())._asdict().items())


@pytest.mark.parametrize(
    ("timeout", "wire"),
    [(0, "00 00 00"), (104, "68 00 00"), (0x123456, "56 34 12"), (0xFFFFFF, "ff ff ff")],
)
def test_poll_timeout_is_three_bytes_little_endian(timeout: int, wire: str) -> None:
    reply = StatusReply(Status.OK, timeout, State.DNBUSY)
    assert reply.build().hex(" ") == f"00 {wire} 04 00"


@pytest.mark.parametrize("timeout", [-1, 1 << 24])
def test_poll_timeout_beyond_three_bytes(timeout: int) -> None:
    with pytest.raises(ProtocolError, match="24 bits"):
        StatusReply(Status.OK, timeout, State.DFU_IDLE).build()


def test_status_reply_with_a_field_too_large() -> None:
    with pytest.raises(ProtocolError, match="StatusReply"):
        StatusReply(Status.OK, 0, State.DFU_IDLE, 256).build()


@pytest.mark.parametrize("size", [0, 5, 7])
def test_status_reply_of_another_size(size: int) -> None:
    with pytest.raises(ProtocolError, match=f"6 bytes, not {size}"):
        StatusReply.parse(bytes(size))


@given(st.binary(max_size=8))
def test_bytes_are_a_status_reply_or_a_protocol_error(data: bytes) -> None:
    is_reply = len(data) == 6 and data[0] <= 15 and data[4] <= 10
    if is_reply:
        assert StatusReply.parse(data).build() == data
    else:
        with pytest.raises(ProtocolError):
            StatusReply.parse(data)


def test_unknown_state_is_named_with_the_bytes() -> None:
    with pytest.raises(ProtocolError, match="00 00 00 00 0b 00"):
        StatusReply.parse(bytes([0, 0, 0, 0, 11, 0]))
