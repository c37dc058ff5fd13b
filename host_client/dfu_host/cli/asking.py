"""What people are asked, where somebody can answer."""

import sys
from collections.abc import Sequence

_CHOICES = {"p": True, "e": False}


def can_ask() -> bool:
    """Whether somebody is there to read the question and to answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def whether_to_preserve(extents: Sequence[tuple[int, int]]) -> bool | None:
    """Whether other data at these (address, first address behind) is to be written back; None is neither."""
    places = ", ".join(f"0x{start:08x}..0x{end - 1:08x}" for start, end in extents)
    print(f"dfu-host: the pages to erase hold other data at {places}.", file=sys.stderr)
    print("[p]reserve it, [e]rase it, or leave everything as it is? ", end="", file=sys.stderr, flush=True)
    return _CHOICES.get(sys.stdin.readline().strip().lower()[:1])
