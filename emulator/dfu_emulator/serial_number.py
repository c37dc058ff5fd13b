"""The serial number that the ROM makes from the chip's unique id."""

import re
from typing import TypeAlias

from dfu_emulator.profile.model import SerialRule, Usb
from dfu_protocol.descriptors import build_string

UniqueId: TypeAlias = tuple[int, int, int]
"""The three 32-bit words of the unique id, as read from its address on."""

DEFAULT_UNIQUE_ID: UniqueId = (0x002D0030, 0x3334510B, 0x32313533)

_WORDS = re.compile(r"([0-9A-Fa-f]{8})[-: ]?([0-9A-Fa-f]{8})[-: ]?([0-9A-Fa-f]{8})")


def parse_unique_id(text: str) -> UniqueId:
    """Three words of eight hexadecimal digits, e.g. ``002D0030-3334510B-32313533``; else ValueError."""
    match = _WORDS.fullmatch(text)
    if not match:
        raise ValueError(f"a unique id is three words like 002D0030-3334510B-32313533, not {text!r}")
    first, second, third = (int(word, 16) for word in match.groups())
    return first, second, third


def check_unique_id(unique_id: object) -> None:
    """Raises ValueError for what is not three words of 32 bits."""
    match unique_id:
        case (int(), int(), int()) if all(0 <= word < 1 << 32 for word in unique_id):
            return
    raise ValueError(f"a unique id is three numbers from 0 to 0xFFFFFFFF, not {unique_id!r}")


def check_serial(serial: str) -> None:
    """Raises ValueError for what no string descriptor holds, and for no characters."""
    if not serial:
        raise ValueError("a serial number has at least one character")
    build_string(serial)


def serial_number(usb: Usb, unique_id: UniqueId) -> str:
    """The iSerialNumber string of a chip with this unique id."""
    if usb.serial is SerialRule.FIXED:
        return usb.fixed_serial or ""
    head = (unique_id[0] + unique_id[2] + usb.serial_addend) & 0xFFFFFFFF
    tail = unique_id[2 if usb.serial is SerialRule.UID_SUM_UID2 else 1] >> 16
    return f"{head:08X}{tail:04X}"


def neighbour(unique_id: UniqueId, number: int) -> UniqueId:
    """The unique id of another chip: the first word is the place on the wafer."""
    first, second, third = unique_id
    return (first + number) & 0xFFFFFFFF, second, third
