"""Hot-plug events in the form in which libudev takes them from udevd, sent to programs under preload.

libumockdev-preload turns a program's netlink socket into a Unix socket ``event<fd>`` in its folder.
"""

import itertools
import socket
from collections.abc import Mapping
from pathlib import Path
from struct import Struct

_HEADER = Struct("@8s8I")
_MAGIC = 0xFEEDCAFE
_MASK = 0xFFFFFFFF
_sequence = itertools.count(1)


def send(root: Path, action: str, device_path: str, properties: Mapping[str, str]) -> None:
    """Tell all programs that listen of ``action`` (add, remove) on the device."""
    message = build(action, device_path, properties, next(_sequence))
    for listener in root.glob("event*"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_RAW | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(message, str(listener))
            except ConnectionRefusedError:
                listener.unlink(missing_ok=True)  # its program has ended
            except OSError:
                continue  # it does not read its events, or has just closed, or is another user's


def build(action: str, device_path: str, properties: Mapping[str, str], sequence: int) -> bytes:
    """The message: udev_monitor_netlink_header, then KEY=value strings."""
    lines = {
        "ACTION": action,
        "DEVPATH": device_path,
        "SUBSYSTEM": "usb",
        **properties,
        "DEVNAME": f"/dev/{properties['DEVNAME']}",
        "SEQNUM": str(sequence),
    }
    body = b"".join(f"{key}={value}\0".encode() for key, value in lines.items())
    subsystem, devtype = murmur_hash2(b"usb"), murmur_hash2(properties["DEVTYPE"].encode())
    header = _HEADER.pack(
        b"libudev",
        socket.htonl(_MAGIC),
        _HEADER.size,
        _HEADER.size,
        len(body),
        socket.htonl(subsystem),
        socket.htonl(devtype),
        0,
        0,
    )
    return header + body


def murmur_hash2(data: bytes) -> int:
    """MurmurHash2 with seed 0, by which libudev filters subsystem and type."""
    factor = 0x5BD1E995
    value = len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & _MASK
        word = (word ^ word >> 24) * factor & _MASK
        value = (value * factor & _MASK) ^ word
    if tail := data[whole:]:
        value = (value ^ int.from_bytes(tail, "little")) * factor & _MASK
    value = (value ^ value >> 13) * factor & _MASK
    return value ^ value >> 15
