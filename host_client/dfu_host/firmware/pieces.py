"""The data of a file that has it in pieces, made one element for each run of addresses."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from dfu_host.errors import FileError
from dfu_host.extents import spell
from dfu_protocol.firmware_file import Element

_ADDRESS_SPACE = 1 << 32


class Piece(NamedTuple):
    """What is at ``address``; ``origin`` says where the file has it: a line, or an offset."""

    address: int
    origin: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)


def assembled(
    pieces: Iterable[Piece], place: Callable[[Piece, int, int], str], remedy: str = ""
) -> tuple[Element, ...]:
    """Pieces in any order as elements, those that follow each other without a gap as one.

    FileError where two have data for the same address; ``place`` has the words for where the file has a
    piece's data from one address up to another. FileError as well above the 32-bit address space.
    """
    ordered = sorted(piece for piece in pieces if piece.data)
    for piece in ordered:
        if piece.end > _ADDRESS_SPACE:
            raise FileError(f"the data for 0x{piece.address:x} is above the 32-bit address space")
    for before, after in pairwise(ordered):
        if before.end > after.address:
            start, end = after.address, min(before.end, after.end)
            raise FileError(
                f"there is data for {spell([(start, end)])} twice: in {place(before, start, end)} and in"
                f" {place(after, start, end)}{remedy}"
            )
    return tuple(_runs(ordered))


def _runs(ordered: Iterable[Piece]) -> Iterator[Element]:
    run: list[Piece] = []
    for piece in ordered:
        if run and piece.address != run[-1].end:
            yield Element(run[0].address, b"".join(part.data for part in run))
            run = []
        run.append(piece)
    if run:
        yield Element(run[0].address, b"".join(part.data for part in run))
