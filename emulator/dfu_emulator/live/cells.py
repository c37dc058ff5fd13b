"""A memory as a row of cells, each so many bytes: what is in it, and what was just done to it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from dfu_emulator.live.model import Kind, Strip, Touch

_FRESH, _GONE = 400_000, 2_000_000
"""Microseconds after which a touch fades, and after which it is no longer shown."""


class Mark(NamedTuple):
    """What was just done to a cell."""

    kind: Kind
    fresh: bool


class Cell(NamedTuple):
    """``filled``: it holds something; ``mark`` is None for one that nothing was just done to."""

    filled: bool
    mark: Mark | None = None


class Grid(NamedTuple):
    """How a memory is laid out: ``scale`` bytes a cell, ``columns`` cells a row."""

    scale: int
    columns: int
    rows: int


_MARKS = [None, *(Mark(kind, fresh) for kind in Kind for fresh in (False, True))]
"""By their codes."""


def grid(size: int, columns: int, rows: int, finest: int) -> Grid:
    """The finest that fits into so many columns and rows, its scale a power of two from ``finest`` on."""
    columns = 1 << max(0, columns.bit_length() - 1)
    scale = finest
    while scale * columns * max(1, rows) < size:
        scale *= 2
    return Grid(scale, columns, -(-size // (scale * columns)))


def cells(strip: Strip, scale: int, touches: Sequence[Touch], now: int) -> Iterator[Cell]:
    """The cells of a memory at ``now``; ``touches`` are in their order, and the last of a cell counts."""
    start, size = strip.region.start, len(strip.blank)
    marks = _marks(touches, start, scale, -(-size // scale), now)
    for code, offset in zip(marks, range(0, size, scale), strict=True):
        blank = strip.blank[offset : offset + scale]
        filled = strip.region.read(start + offset, len(blank)) != blank
        yield Cell(filled, _MARKS[code])


def _marks(touches: Sequence[Touch], start: int, scale: int, count: int, now: int) -> bytes:
    """For each cell the code of its mark. Slices keep this short however much was touched."""
    marks = bytearray(count)
    end = start + count * scale
    recent = bisect_right(touches, now - _GONE, key=attrgetter("at"))
    for at, kind, address, length in islice(touches, recent, None):
        behind = min(address + length, end)
        if behind <= start or address >= end:
            continue
        first = max(0, address - start) // scale
        after = -(-(behind - start) // scale)
        code = 1 + 2 * kind + (now - at < _FRESH)
        marks[first:after] = bytes((code,)) * (after - first)
    return bytes(marks)
