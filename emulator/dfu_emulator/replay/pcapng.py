"""Capture files of Wireshark. Source: the IETF draft on pcapng (draft-ietf-opsawg-pcapng)."""

from collections.abc import Iterator
from typing import NamedTuple

from construct import StreamError, Struct

from dfu_emulator.replay.packet import CaptureError, Order, Packet, cut_short, structure

_SECTION_HEADER, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC: dict[bytes, Order] = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_BEGINNING = _SECTION_HEADER.to_bytes(4, "big")
"""Of a file: the same in either byte order."""
_FRAME = 8
"""Bytes of type and length before a block's body."""
_LENGTH = 4
"""Bytes of the second length, behind the body."""
_RESOLUTION, _OFFSET = 9, 14
"""Options of an interface: the unit of its times, and seconds to be added to them."""
_MICROSECONDS = b"\x06"
_BINARY = 0x80


class _Interface(NamedTuple):
    link_type: int
    units: int
    """In a second."""
    offset: int
    """Seconds."""


class _Layouts(NamedTuple):
    """The structures of a section, in its byte order."""

    order: Order
    block: Struct
    interface: Struct
    option: Struct
    packet: Struct


def is_pcapng(content: bytes) -> bool:
    """Whether a file begins as one of Wireshark."""
    return content[:4] == _BEGINNING


def packets(content: bytes) -> Iterator[Packet]:
    """The packets of a file that ``is_pcapng``, of all its interfaces. Raises CaptureError."""
    number = place = 0
    layouts = _layouts("<")
    interfaces: list[_Interface] = []
    while place < len(content):
        if content[place : place + 4] == _BEGINNING:
            layouts, interfaces = _layouts(_order(content, place)), []
        kind, body = _block(content, place, layouts, number + 1)
        place += _FRAME + len(body) + _LENGTH
        try:
            if kind == _INTERFACE:
                interfaces.append(_interface(body, layouts))
            elif kind == _PACKET:
                number += 1
                yield _packet(number, body, layouts, interfaces)
        except (StreamError, IndexError):
            raise CaptureError(f"damaged at packet {number}: capture anew") from None


def _order(content: bytes, place: int) -> Order:
    start = place + _FRAME
    order = _MAGIC.get(content[start : start + 4])
    if order is None:
        raise CaptureError("damaged: a section has no byte order")
    return order


def _layouts(order: Order) -> _Layouts:
    return _Layouts(
        order,
        structure(order, kind="L", length="L"),
        structure(order, link="H", reserved="H", longest="L"),
        structure(order, code="H", length="H"),
        structure(order, interface="L", high="L", low="L", captured="L", length="L"),
    )


def _block(content: bytes, place: int, layouts: _Layouts, number: int) -> tuple[int, bytes]:
    try:
        found = layouts.block.parse(content[place : place + _FRAME])
    except StreamError:
        raise cut_short(number) from None
    if found.length < _FRAME + _LENGTH or found.length % 4:
        raise CaptureError(f"damaged before packet {number}: a block of {found.length} bytes")
    if place + found.length > len(content):
        raise cut_short(number)
    return found.kind, content[place + _FRAME : place + found.length - _LENGTH]


def _interface(body: bytes, layouts: _Layouts) -> _Interface:
    options = _options(body[layouts.interface.sizeof() :], layouts.option)
    resolution = options.get(_RESOLUTION, _MICROSECONDS)[0]
    units = 2 ** (resolution - _BINARY) if resolution & _BINARY else 10**resolution
    offset = options.get(_OFFSET, b"")
    seconds = int.from_bytes(offset, "little" if layouts.order == "<" else "big", signed=True)
    return _Interface(layouts.interface.parse(body).link, units, seconds)


def _options(data: bytes, layout: Struct) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        option = layout.parse(data)
        start = layout.sizeof()
        found[option.code] = data[start : start + option.length]
        data = data[start + option.length + -option.length % 4 :]
    return found


def _packet(number: int, body: bytes, layouts: _Layouts, interfaces: list[_Interface]) -> Packet:
    found = layouts.packet.parse(body)
    interface = interfaces[found.interface]
    start = layouts.packet.sizeof()
    data = body[start : start + found.captured]
    if len(data) < found.captured:
        raise CaptureError(f"damaged: packet {number} is longer than its block")
    time = found.high << 32 | found.low
    at = interface.offset * 1_000_000 + time * 1_000_000 // interface.units
    return Packet(number, at, interface.link_type, layouts.order, data)
