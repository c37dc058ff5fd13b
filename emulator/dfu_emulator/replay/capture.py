"""A capture file, whatever its format: what it says of control transfers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dfu_emulator.replay import json_trace, pcap, pcapng, usbmon, usbpcap
from dfu_emulator.replay.packet import CaptureError, Packet
from dfu_emulator.replay.records import ControlTransfer, Record, paired
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_protocol import StandardRequest

_SET_ADDRESS = (0x00, StandardRequest.SET_ADDRESS)
_DEFAULT_ADDRESS = 0
"""Of a device that has not got one yet."""
_READERS = {**dict.fromkeys(usbmon.SIZES, usbmon.record), usbpcap.LINK_TYPE: usbpcap.record}

_COMPRESSED = {b"\x1f\x8b": "gunzip", b"\x28\xb5\x2f\xfd": "unzstd", b"\x04\x22\x4d\x18": "unlz4"}
"""First bytes of the ways in which Wireshark compresses a file, and what unpacks each."""


@dataclass(frozen=True, slots=True)
class Capture:
    """All steps, in order; ``unit`` is what their numbers count."""

    steps: list[Step]
    unit: Literal["packet", "line"]


def read_capture(path: Path) -> Capture:
    """Read ``path``: pcap or pcapng of usbmon or USBPcap, or a JSON trace. Raises CaptureError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CaptureError(f"cannot be read: {error.strerror}") from None
    return parse_capture(content)


def parse_capture(content: bytes) -> Capture:
    """The same for what is in a file."""
    if pcap.is_pcap(content):
        return Capture(_steps(paired(_records(pcap.packets(content)))), "packet")
    if pcapng.is_pcapng(content):
        return Capture(_steps(paired(_records(pcapng.packets(content)))), "packet")
    if json_trace.is_json_trace(content):
        return Capture(list(json_trace.steps(content)), "line")
    for magic, tool in _COMPRESSED.items():
        if content.startswith(magic):
            raise CaptureError(f"compressed: unpack it with {tool} first")
    raise CaptureError("no capture: neither pcap nor pcapng (of usbmon or USBPcap) nor a --trace-json file")


def _records(packets: Iterable[Packet]) -> Iterator[Record]:
    others = set()
    known = False
    for packet in packets:
        reader = _READERS.get(packet.link_type)
        if reader is None:
            others.add(packet.link_type)
            continue
        known = True
        if (record := reader(packet)) is not None:
            yield record
    if others and not known:
        types = ", ".join(map(str, sorted(others)))
        raise CaptureError(f"no packets of usbmon or USBPcap in it, but of link type {types}: capture USB")


def _steps(transfers: Iterable[ControlTransfer]) -> list[Step]:
    """``transfers``, with what goes to address 0 as what it means for the device that gets an address."""
    found: list[Step] = []
    seen: set[tuple[int, int]] = set()
    for transfer in transfers:
        if transfer.address != _DEFAULT_ADDRESS:
            seen.add(transfer.place)
            found.append(transfer)
        elif transfer.setup[:2] == _SET_ADDRESS:
            kind = Reset if (transfer.bus, transfer.setup.wValue) in seen else Arrival
            found.append(kind(transfer.number, transfer.at, transfer.bus, transfer.setup.wValue))
    return found
