"""Capture files of a session, as tcpdump, Wireshark and USBPcap write them."""

import errno
from collections.abc import Iterable, Sequence
from struct import pack
from typing import NamedTuple

from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Step

USBMON, USBMON_MMAPPED, USBPCAP = 189, 220, 249
OFFSET = 1_600_000_000
"""Seconds that a file in nanoseconds leaves to its interface's description."""
LINUX_STATUS = {
    Outcome.ANSWERED: 0,
    Outcome.STALL: -errno.EPIPE,
    Outcome.NO_ANSWER: -errno.ENOENT,
    Outcome.FAILED: -errno.EPROTO,
}
WINDOWS_STATUS = {
    Outcome.ANSWERED: 0,
    Outcome.STALL: 0xC0000004,
    Outcome.NO_ANSWER: 0xC0010000,
    Outcome.FAILED: 0xC0000011,
}
_SETUP, _DATA, _STATUS, _COMPLETE = range(4)


class Packet(NamedTuple):
    """One packet, and its time in microseconds."""

    at: int
    data: bytes


def transfers(steps: Iterable[Step]) -> list[ControlTransfer]:
    """The control transfers among ``steps``."""
    return [step for step in steps if isinstance(step, ControlTransfer)]


def usbmon(steps: Iterable[Step], order: str = "<", link_type: int = USBMON_MMAPPED) -> list[Packet]:
    """As Linux's usbmon tells it, in the byte order of its machine."""
    found = []
    for identity, transfer in enumerate(transfers(steps), 0xFFFF888000000001):
        setup, data = transfer.setup, transfer.data
        place = (2, setup.bmRequestType & 0x80, transfer.address, transfer.bus)
        out, back = (b"", data) if setup.is_in else (data, b"")

        def urb(
            at: int, begin: tuple[int | bytes, ...], end: tuple[int, ...], setup: bytes, sent: bytes
        ) -> Packet:
            """A record: what is before its time, behind that, and ``sent``."""
            header = pack(f"{order}QcBBBHBc", *begin)
            header += pack(f"{order}qiiII", *divmod(at, 1_000_000), *end, len(sent)) + setup
            return Packet(at, header + (bytes(16) if link_type == USBMON_MMAPPED else b"") + sent)

        begin = (identity, b"S", *place, 0, b"<" if setup.is_in else b"\0")
        found.append(urb(transfer.at, begin, (-errno.EINPROGRESS, setup.wLength), setup.build(), out))
        if transfer.took is not None:
            begin = (identity, b"C", *place, ord("-"), b"\0" if setup.is_in else b">")
            length = len(data) if transfer.outcome is Outcome.ANSWERED else 0
            end = (LINUX_STATUS[transfer.outcome], length)
            found.append(urb(transfer.at + transfer.took, begin, end, bytes(8), back))
    return sorted(found, key=lambda packet: packet.at)


def usbpcap(steps: Iterable[Step], old: bool = False) -> list[Packet]:
    """As USBPcap tells it: before version 1.5 (``old``) with data and status apart."""
    found = []
    for identity, transfer in enumerate(transfers(steps), 0xFFFFFA8000000001):
        setup, data = transfer.setup, transfer.data
        is_in = setup.bmRequestType & 0x80
        place = (transfer.bus, transfer.address)
        out, back = (b"", data) if is_in else (data, b"")
        at, end = transfer.at, None if transfer.took is None else transfer.at + transfer.took
        status = WINDOWS_STATUS[transfer.outcome]
        sent = setup.build()
        parts = [(at, 0, 0, 0, _SETUP, sent if old else sent + out)]
        if old and out:
            parts.append((at, 0, 0, 0, _DATA, out))
        if end is not None and old:
            parts += [(end, status, 1, is_in, _DATA, back)] if back else []
            parts.append((end, status, 1, is_in, _STATUS, b""))
        elif end is not None:
            parts.append((end, status, 1, is_in, _COMPLETE, back))
        for when, result, info, endpoint, stage, content in parts:
            head = (28, identity, result, 8, info, *place, endpoint, 2, len(content), stage)
            found.append(Packet(when, pack("<HQIHBHHBBIB", *head) + content))
    return sorted(found, key=lambda packet: packet.at)


def pcap(packets: Sequence[Packet], link_type: int, order: str = "<", nanoseconds: bool = False) -> bytes:
    """A classic capture file."""
    magic, factor = (0xA1B23C4D, 1000) if nanoseconds else (0xA1B2C3D4, 1)
    content = pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    for at, data in packets:
        seconds, microseconds = divmod(at, 1_000_000)
        content += pack(f"{order}IIII", seconds, microseconds * factor, len(data), len(data)) + data
    return content


def pcapng(packets: Sequence[Packet], link_type: int, order: str = "<", nanoseconds: bool = False) -> bytes:
    """A capture file of Wireshark: another interface first, and a block with statistics at the end."""
    offset = OFFSET if nanoseconds else 0
    resolution = pack(f"{order}HHB3x", 9, 1, 9) + pack(f"{order}HHq", 14, 8, offset) if nanoseconds else b""
    content = _block(order, 0x0A0D0D0A, pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    content += _block(order, 1, pack(f"{order}HHI", 1, 0, 0))
    content += _block(order, 1, pack(f"{order}HHI", link_type, 0, 0) + resolution)
    for at, data in packets:
        time = (at - offset * 1_000_000) * 1000 if nanoseconds else at
        start = pack(f"{order}IIIII", 1, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        content += _block(order, 6, start + data + bytes(-len(data) % 4))
    return content + _block(order, 5, pack(f"{order}III", 1, 0, 0))


def _block(order: str, kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return pack(f"{order}II", kind, length) + body + pack(f"{order}I", length)
