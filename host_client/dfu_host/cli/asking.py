"""What people are asked, where somebody can answer."""

import sys
from collections.abc import Sequence

from dfu_host.extents import Extent, spell

_CHOICES = {"p": True, "e": False}


def can_ask() -> bool:
    """Whether somebody is there to read the question and to answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def whether_to_preserve(extents: Sequence[Extent]) -> bool | None:
    """Whether other data at these (address, first address behind) is to be written back; None is neither."""
    print(f"dfu-host: the pages to erase hold other data at {spell(extents)}.", file=sys.stderr)
    print("[p]reserve it, [e]rase it, or leave everything as it is? ", end="", file=sys.stderr, flush=True)
    return _CHOICES.get(sys.stdin.readline().strip().lower()[:1])
