"""The map of a chip's memories as lines of text."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from rich.text import Text

from dfu_emulator.live.cells import Cell, Mark, cells, grid
from dfu_emulator.live.look import LETTERS, Look
from dfu_emulator.live.model import Kind, Snapshot
from dfu_emulator.memory import Flash
from dfu_emulator.profile.spelling import spell_size

_ADDRESS = len("0x08000000") + 2
_LABEL = len("device feature") + 2
_FINEST = 256
"""Bytes in a cell of the flash at least: the smallest page of all chips."""
_WIDEST = 128
"""Cells in a row at most."""
_PAST = {Kind.WRITE: "written", Kind.ERASE: "erased", Kind.READ: "read"}


def flash_lines(chip: Snapshot, look: Look, width: int, rows: int) -> list[Text]:
    """The flash in at most so many rows."""
    strip, flash = chip.flash, chip.chip.flash
    layout = grid(len(strip.blank), min(width - _ADDRESS, _WIDEST), rows, _FINEST)
    drawn = [
        look.cell(cell, _shade(flash, flash.start + number * layout.scale, layout.scale))
        for number, cell in enumerate(cells(strip, layout.scale, chip.touches, chip.now))
    ]
    lines = []
    for first in range(0, len(drawn), layout.columns):
        line = Text().append(f"0x{flash.start + first * layout.scale:08X}  ", "dim")
        _add(line, drawn[first : first + layout.columns])
        sectors = _sectors(flash, first * layout.scale, layout.columns * layout.scale)
        if line.cell_len + len(sectors) <= width:
            line.append(sectors, "dim")
        lines.append(line)
    return lines


def _sectors(flash: Flash, offset: int, length: int) -> str:
    """The sectors that begin in a row."""
    start = flash.start + offset
    first = flash.sector_at(start)
    if flash.sector_bounds(first)[0] < start:
        first += 1
    last = flash.sector_at(min(start + length, flash.end) - 1)
    if first > last:
        return ""
    return f"  sector {first}" if first == last else f"  sectors {first} to {last}"


def flash_scale(chip: Snapshot, width: int, rows: int) -> str:
    """What a cell of ``flash_lines`` stands for."""
    scale = grid(len(chip.flash.blank), min(width - _ADDRESS, _WIDEST), rows, _FINEST).scale
    return f"{scale} B" if scale < 1024 else spell_size(scale)


def flash_bar(chip: Snapshot, look: Look, columns: int) -> Text:
    """The flash in one short row."""
    layout = grid(len(chip.flash.blank), columns, 1, _FINEST)
    drawn = cells(chip.flash, layout.scale, chip.touches, chip.now)
    return _add(Text(), [look.cell(cell) for cell in drawn])


def other_lines(chip: Snapshot, look: Look, width: int, rows: int) -> Iterator[Text]:
    """The other memories that were used, a row each, in at most so many rows."""
    for strip in islice(chip.others, max(0, rows)):
        layout = grid(len(strip.blank), min(width - _ADDRESS - _LABEL, _WIDEST // 4), 1, 1)
        line = Text().append(f"0x{strip.region.start:08X}  ", "dim").append(f"{strip.label:<{_LABEL}}")
        drawn = cells(strip, layout.scale, chip.touches, chip.now)
        yield _add(line, [look.cell(cell) for cell in drawn])


def legend(look: Look) -> Text:
    """What the cells mean."""
    text = Text()
    for word, cell in (("empty", Cell(False)), ("programmed", Cell(True))):
        text.append(*look.cell(cell, 1)).append(f" {word} ", "dim")
    text.append(" just ", "dim")
    for kind, word in _PAST.items():
        if look.colour:
            shown, style = look.cell(Cell(kind is not Kind.ERASE, Mark(kind, True)))
        else:
            shown, style = LETTERS[kind], "bold"
        text.append(shown, style).append(f" {word} ", "dim")
    text.rstrip()
    return text


def _shade(flash: Flash, address: int, scale: int) -> int:
    """Neighbouring sectors differ, unless several share a cell."""
    sector = flash.sector_at(address)
    return sector % 2 if flash.sector_size(sector) >= scale else 0


def _add(line: Text, drawn: Sequence[tuple[str, str]]) -> Text:
    """Append cells, those of the same style in one piece."""
    for style, run in groupby(drawn, key=lambda cell: cell[1]):
        line.append("".join(shown for shown, _style in run), style)
    return line
