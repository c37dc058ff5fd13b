"""Runs of addresses: joined, with holes, and in words."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from dfu_protocol.firmware_file import Element

Extent: TypeAlias = tuple[int, int]
"""First address, and the first behind."""


def extent_of(element: Element) -> Extent:
    """Where an element's bytes are."""
    return element.address, element.address + len(element.data)


def joined(extents: Iterable[Extent], apart: int = 0) -> list[Extent]:
    """The same addresses, in order; those that touch are made one, or are at most so many bytes ``apart``."""
    runs: list[Extent] = []
    for start, end in sorted(extents):
        if runs and start <= runs[-1][1] + apart:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs


def without(extents: Iterable[Extent], holes: Iterable[Extent]) -> list[Extent]:
    """``extents`` less all that is in ``holes``."""
    left = list(extents)
    for first, behind in holes:
        left = [
            part
            for start, end in left
            for part in ((start, min(end, first)), (max(start, behind), end))
            if part[0] < part[1]
        ]
    return left


def spell(extents: Sequence[Extent]) -> str:
    """In words, with the last address of each: ``0x08000000..0x08003fff and 0x0800c000..0x0800ffff``."""
    words = [f"0x{start:08x}..0x{end - 1:08x}" for start, end in extents]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
