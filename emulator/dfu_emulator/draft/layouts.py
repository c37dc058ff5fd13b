"""What layout strings say of memories, whatever their spelling."""

from collections.abc import Sequence
from dataclasses import dataclass

from dfu_protocol import Layout, parse_layout


@dataclass(frozen=True, slots=True)
class Block:
    """Memory without a gap: runs of (count, size in bytes) of pages."""

    start: int
    runs: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Bytes in all pages."""
        return sum(count * size for count, size in self.runs)


def blocks_of(text: str) -> list[Block]:
    """The blocks that a layout string names. Raises ProtocolError."""
    return _blocks(parse_layout(text))


def named_blocks(texts: Sequence[str]) -> dict[str, list[Block]]:
    """The blocks of each memory by its name in small letters; the first of those with the same name."""
    named: dict[str, list[Block]] = {}
    for layout in map(parse_layout, texts):
        named.setdefault(layout.name.strip().lower(), _blocks(layout))
    return named


def flash_pages(text: str) -> Block:
    """The first block of a layout string."""
    return blocks_of(text)[0]


def _blocks(layout: Layout) -> list[Block]:
    blocks: list[Block] = []
    for segment in layout.segments:
        runs: tuple[tuple[int, int], ...] = ((segment.count, segment.size),)
        start = segment.address
        if blocks and blocks[-1].start + blocks[-1].size == start:
            before = blocks.pop()
            start = before.start
            count, size = before.runs[-1]
            if size == segment.size:
                runs = (*before.runs[:-1], (count + segment.count, size))
            else:
                runs = before.runs + runs
        blocks.append(Block(start, runs))
    return blocks
