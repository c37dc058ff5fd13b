"""What a job has changed on the chip so far, for when it ends before its time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from dfu_host.extents import Extent, extent_of, joined, spell, without
from dfu_protocol.firmware_file import Element


class Remains(NamedTuple):
    """What an unfinished job leaves behind; ``str()`` of it says so.

    ``doubtful`` is what was being erased or written: it may be half done. ``unrestored`` is data of
    neighbours that was to be kept, was erased, and is not written back, or only in part: here is its only
    copy.
    """

    written: tuple[Extent, ...] = ()
    erased: tuple[Extent, ...] = ()
    doubtful: Extent | None = None
    doing: str = ""
    unrestored: tuple[Element, ...] = ()

    def __str__(self) -> str:
        parts = [
            f"{spell(extents)} {verb}"
            for extents, verb in ((self.written, "is written"), (self.erased, "is erased"))
            if extents
        ]
        if self.doubtful:
            parts.insert(1, f"{spell([self.doubtful])} may be half {self.doing}")
        if not parts:
            return "nothing on the chip was changed"
        lost = [extent_of(element) for element in self.unrestored]
        if lost:
            parts.append(f"{spell(lost)} was to be kept and is not all written back")
        return "on the chip now: " + "; ".join(parts)


class Ledger:
    """Keeps the books of one job: what it has erased, and what it has written since."""

    def __init__(self) -> None:
        self._written: list[Extent] = []
        self._erased: list[Extent] = []
        self._doubtful: Extent | None = None
        self._doing = ""
        self._kept: Sequence[Element] = ()

    @contextmanager
    def erasing(self, address: int, size: int) -> Iterator[None]:
        """Around the erase of so many bytes: without its end they are in doubt."""
        self._doubtful, self._doing = (address, address + size), "erased"
        yield
        self._doubtful = None
        self._erased.append((address, address + size))

    @contextmanager
    def writing(self, address: int, size: int, block: int) -> Iterator[Callable[[int], None]]:
        """Around a write in blocks of at most ``block`` bytes; it is to be told the size of each."""
        end = address + size

        def begin(at: int) -> None:
            self._doubtful, self._doing = ((at, min(at + block, end)) if at < end else None), "written"

        def done(count: int) -> None:
            nonlocal address
            self._written.append((address, address + count))
            address += count
            begin(address)

        begin(address)
        yield done

    def misread(self, address: int) -> None:
        """From there on it is not certain that what was written is there."""
        for first, behind in joined(self._written):
            if first <= address < behind:
                self._doubtful, self._doing = (address, behind), "written"
                self._written = without(self._written, [self._doubtful])

    def keep(self, elements: Sequence[Element]) -> None:
        """These are to be written back after the erase."""
        self._kept = elements

    @property
    def begun(self) -> bool:
        """Whether anything on the chip may have changed."""
        return bool(self._doubtful or self._erased or self._written)

    @property
    def remains(self) -> Remains:
        """How things stand."""
        written = joined(self._written)
        doubtful = [self._doubtful] if self._doubtful else []
        erased = without(joined(self._erased), [*written, *doubtful])
        touched = joined([*self._erased, *doubtful])
        unrestored = tuple(
            element
            for element in self._kept
            if without([extent_of(element)], touched) != [extent_of(element)]
            and without([extent_of(element)], written)
        )
        return Remains(tuple(written), tuple(erased), self._doubtful, self._doing, unrestored)
