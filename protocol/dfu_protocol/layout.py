"""Memory layout strings: the iInterface of each alternate setting (UM0424).

``@NAME/ADDRESS/COUNT*SIZE[unit]TYPE[,COUNT*SIZE...][/ADDRESS/...]``; the unit is a space or ``B`` (bytes),
``K`` or ``M``; TYPE is a letter a..g whose low three bits say what the memory allows. Real chips leave out
units and types, pad numbers as they like and append junk, so parsing is lenient and building canonical.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from dfu_protocol.errors import ProtocolError


class Access(IntFlag):
    """Low three bits of a TYPE letter; NONE where the string names no type."""

    NONE = 0
    READABLE = 1
    ERASABLE = 2
    WRITABLE = 4

    @property
    def letter(self) -> str:
        """The TYPE letter, empty for NONE."""
        return chr(0x60 | self) if self else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """``count`` pages or sectors of ``size`` bytes each, from ``address`` on."""

    address: int
    count: int
    size: int
    access: Access

    @property
    def end(self) -> int:
        """First address behind the segment."""
        return self.address + self.count * self.size

    def pages(self) -> Iterator[tuple[int, int]]:
        """(address, size) of each page."""
        for index in range(self.count):
            yield self.address + index * self.size, self.size


@dataclass(frozen=True, slots=True)
class Layout:
    """A parsed layout string. ``junk`` is what follows the part that makes sense."""

    name: str
    segments: tuple[Segment, ...]
    junk: str = ""

    def segment_at(self, address: int) -> Segment | None:
        """The segment that holds ``address``."""
        return next((s for s in self.segments if s.address <= address < s.end), None)

    def page_at(self, address: int) -> tuple[int, int] | None:
        """(address, size) of the page that holds ``address``."""
        segment = self.segment_at(address)
        if segment is None:
            return None
        return address - (address - segment.address) % segment.size, segment.size

    def build(self) -> str:
        """The string in the padding of the F4: ``04*016Kg``. Contiguous segments share an address."""
        parts: list[str] = []
        end = None
        for segment in self.segments:
            item = f"{segment.count:02d}*{_spell_size(segment.size)}{segment.access.letter}"
            parts.append(f",{item}" if segment.address == end else f"/0x{segment.address:08X}/{item}")
            end = segment.end
        return f"@{self.name}{''.join(parts)}{self.junk}"


_UNITS = {"": 1, " ": 1, "B": 1, "K": 1024, "M": 1024 * 1024}
_NAME = re.compile(r"@([^/]*)")
_ADDRESS = re.compile(r"/\s*0x([0-9A-Fa-f]{1,8})\s*/")
_PAGES = re.compile(r"\s*([0-9]{1,10})\s*\*\s*([0-9]{1,10})(?![0-9])([ BKM]?)([a-g]?)")
_ADDRESS_SPACE = 1 << 32


def parse_layout(text: str) -> Layout:
    """Read a layout string. One without a name or a first segment raises ProtocolError."""
    name = _NAME.match(text)
    if not name:
        raise ProtocolError(f"a layout string begins with '@': {text!r}")
    segments: list[Segment] = []
    position = name.end()
    while block := _ADDRESS.match(text, position):
        run, position = _parse_pages(text, block.end(), int(block[1], 16))
        segments += run
        if not run:
            position = block.start()
            break
    if not segments:
        raise ProtocolError(f"no /ADDRESS/COUNT*SIZE in the layout string {text!r}")
    return Layout(name[1], tuple(segments), text[position:])


def _parse_pages(text: str, position: int, address: int) -> tuple[list[Segment], int]:
    """The comma-separated COUNT*SIZE items from ``position`` on, and where they end."""
    run: list[Segment] = []
    start = position
    while pages := _PAGES.match(text, start):
        count, size = int(pages[1]), int(pages[2]) * _UNITS[pages[3]]
        if not count or not size or address + count * size > _ADDRESS_SPACE:
            break
        access = Access(ord(pages[4]) & 7) if pages[4] else Access.NONE
        run.append(Segment(address, count, size, access))
        address = run[-1].end
        position = pages.end()
        if text[position : position + 1] != ",":
            break
        start = position + 1
    return run, position


def _spell_size(size: int) -> str:
    for unit in "MK":
        if size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]:03d}{unit}"
    return f"{size:03d} "
