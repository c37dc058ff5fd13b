"""Classic capture files of libpcap. Source: the IETF draft on pcap (draft-ietf-opsawg-pcap)."""

from collections.abc import Iterator

from construct import StreamError

from dfu_emulator.replay.packet import CaptureError, Order, Packet, cut_short, structure

_ORDERS: dict[bytes, tuple[Order, int]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1000),
}
"""By the number that a file begins with: byte order, and fractions of a second in a microsecond."""
_LINK_TYPE = 0xFFFF
"""The bits above it are about checksums."""


def is_pcap(content: bytes) -> bool:
    """Whether a file begins as one of libpcap."""
    return content[:4] in _ORDERS


def packets(content: bytes) -> Iterator[Packet]:
    """The packets of a file that ``is_pcap``. Raises CaptureError where it is cut short."""
    order, divisor = _ORDERS[content[:4]]
    header = structure(order, magic="L", major="H", minor="H", zone="l", accuracy="L", longest="L", link="L")
    record = structure(order, seconds="L", fraction="L", captured="L", length="L")
    try:
        link_type = header.parse(content).link & _LINK_TYPE
    except StreamError:
        raise CaptureError("cut short: no capture file is so small") from None
    place, number = header.sizeof(), 0
    while place < len(content):
        number += 1
        try:
            found = record.parse(content[place : place + record.sizeof()])
        except StreamError:
            raise cut_short(number) from None
        start = place + record.sizeof()
        place = start + found.captured
        if place > len(content):
            raise cut_short(number)
        at = found.seconds * 1_000_000 + found.fraction // divisor
        yield Packet(number, at, link_type, order, content[start:place])
