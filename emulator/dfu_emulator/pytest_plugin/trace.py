"""What happened at a chip's port, for a test to look at."""

from collections.abc import Sequence
from itertools import groupby, islice
from typing import overload

from dfu_emulator.port import Occurrence
from dfu_emulator.trace import describe


class Trace(Sequence[Occurrence]):
    """The occurrences so far, the oldest first; as text, the lines that ``--trace`` prints."""

    def __init__(self, occurrences: Sequence[Occurrence]) -> None:
        self._occurrences = occurrences

    @overload
    def __getitem__(self, index: int) -> Occurrence: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Occurrence]: ...
    def __getitem__(self, index: int | slice) -> Occurrence | Sequence[Occurrence]:
        return self._occurrences[index]

    def __len__(self) -> int:
        return len(self._occurrences)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"<trace of {len(self)} occurrences>"

    @property
    def lines(self) -> list[str]:
        """One for each occurrence: the seconds since the first, and what happened."""
        return [self._line(occurrence) for occurrence in self._occurrences]

    def end(self, count: int) -> list[str]:
        """The last ``count`` lines. A run of equal occurrences, as of polls, is one of them."""
        runs = islice(groupby(reversed(self._occurrences), key=describe), count)
        lines = []
        for _text, run in runs:
            *later, first = run
            lines.append(self._line(first) + (f" (x {len(later) + 1})" if later else ""))
        return lines[::-1]

    def _line(self, occurrence: Occurrence) -> str:
        seconds = (occurrence.at - self._occurrences[0].at) / 1_000_000
        return f"{seconds:10.6f}  {describe(occurrence)}"
