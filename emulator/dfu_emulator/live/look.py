"""Characters and colours: what a terminal can show."""

from dataclasses import dataclass

from rich.text import Text

from dfu_emulator.live.cells import Cell
from dfu_emulator.live.model import Kind

COLOURS = {Kind.ERASE: "yellow", Kind.WRITE: "green", Kind.READ: "cyan"}
LETTERS = {Kind.ERASE: "e", Kind.WRITE: "w", Kind.READ: "r"}
_FILLED = ("blue", "bright_blue")
"""Neighbouring sectors in two shades."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal can show. Colours are those of its own palette, so that they suit its background."""

    unicode: bool = True
    colour: bool = True

    @property
    def filled(self) -> str:
        """A cell that holds something."""
        return "■" if self.unicode else "#"

    @property
    def empty(self) -> str:
        """A cell that holds nothing."""
        return "·" if self.unicode else "."

    @property
    def rule(self) -> str:
        """What lines are drawn with."""
        return "─" if self.unicode else "-"

    @property
    def here(self) -> str:
        """Stands before what is there."""
        return "●" if self.unicode else "*"

    @property
    def gone(self) -> str:
        """Stands before what is not there."""
        return "○" if self.unicode else "o"

    @property
    def warning(self) -> str:
        """Stands before advice."""
        return "▲" if self.unicode else "!"

    def cell(self, cell: Cell, shade: int = 0) -> tuple[str, str]:
        """Character and style of a cell; ``shade`` tells a sector from its neighbours."""
        if cell.mark is None:
            return (self.filled, _FILLED[shade]) if cell.filled else (self.empty, "dim")
        if not self.colour:
            return LETTERS[cell.mark.kind], "bold" if cell.mark.fresh else ""
        colour = COLOURS[cell.mark.kind]
        return self._touched(cell.filled), f"bold bright_{colour}" if cell.mark.fresh else colour

    def _touched(self, filled: bool) -> str:
        if filled:
            return self.filled
        return "•" if self.unicode else "o"

    def printable(self, text: str) -> str:
        """``text`` as one line that does a terminal no harm."""
        one_line = "".join(char if char.isprintable() else " " for char in text)
        return one_line if self.unicode else one_line.encode("ascii", "replace").decode()

    def fit(self, text: Text, width: int) -> Text:
        """``text`` cut to so many columns."""
        text.truncate(max(0, width), overflow="ellipsis" if self.unicode else "crop")
        return text
