"""What all readers of capture files have in common."""

from typing import Literal, NamedTuple, TypeAlias

from construct import FormatField, Struct

Order: TypeAlias = Literal["<", ">"]
"""Byte order, as ``struct`` writes it."""


class CaptureError(Exception):
    """A file that cannot be replayed; the message says where in it, and what to do, but not its name."""


class Packet(NamedTuple):
    """One packet of a capture file."""

    number: int
    """From 1, as Wireshark counts."""
    at: int
    """Microseconds since 1970."""
    link_type: int
    order: Order
    """Of the machine that captured it."""
    data: bytes


def structure(order: Order, **fields: str) -> Struct:
    """A construct of integers; each is given by its letter in ``struct``."""
    return Struct(*(name / FormatField(order, letter) for name, letter in fields.items()))


def cut_short(number: int) -> CaptureError:
    """What is said of a file that ends within packet ``number``."""
    return CaptureError(f"cut short in the middle of packet {number}: save the packets before it anew")
