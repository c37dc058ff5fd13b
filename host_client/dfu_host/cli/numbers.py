"""Numbers, lengths and USB ids as people write them: the ``type=`` of flags."""

import argparse
import re


def address(text: str) -> int:
    """An address of 32 bits."""
    value = _number(text, "an address")
    if value >= 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is above the 32-bit address space")
    return value


def length(text: str) -> int:
    """A number of bytes, one at least; K and M are KiB and MiB."""
    unit = {"K": 1024, "M": 1024 * 1024}.get(text[-1:].upper(), 1)
    value = unit * _number(text[:-1] if unit > 1 else text, "a length")
    if not value:
        raise argparse.ArgumentTypeError("a length is at least 1 byte")
    return value


def natural(text: str) -> int:
    """A number from 0 on."""
    return _number(text, "a number")


def count(text: str) -> int:
    """A number, one at least."""
    value = _number(text, "a number")
    if not value:
        raise argparse.ArgumentTypeError("counting begins with 1")
    return value


def ranges(text: str) -> list[int]:
    """Numbers of ``0,3,8-11``, in order."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = _number(first, "a number or a range such as 0,3,8-11")
        end = _number(last, "the end of a range") if dash else start
        if end < start:
            raise argparse.ArgumentTypeError(f"{part!r} ends before it begins")
        numbers.update(range(start, end + 1))
    return sorted(numbers)


def byte(text: str) -> int:
    """0 to 255."""
    value = _number(text, "a byte")
    if value > 0xFF:
        raise argparse.ArgumentTypeError(f"{text} is no byte")
    return value


def seconds(text: str) -> float:
    """A time; fractions are allowed."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def power_of_two(text: str) -> int:
    """1, 2, 4 and so on."""
    value = _number(text, "a power of two")
    if value.bit_count() != 1:
        raise argparse.ArgumentTypeError(f"{text} is no power of two")
    return value


def ids(text: str) -> tuple[int, int]:
    """(idVendor, idProduct) of ``VID:PID`` in hex."""
    found = re.fullmatch(r"([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not VID:PID in hex, such as 0483:df11")
    return int(found[1], 16), int(found[2], 16)


def _number(text: str, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value
