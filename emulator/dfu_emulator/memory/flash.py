"""Main flash: sectors of unequal size, erased as a whole, programmed bit by bit in one direction."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate

from dfu_emulator.memory.region import MemoryFault, PlainRegion
from dfu_emulator.profile.model import Flash as FlashProfile
from dfu_emulator.profile.model import Overwrite
from dfu_protocol import Status

Keep = Callable[[int, bytes], None]
"""Called with (offset, data) before cells change, so that what keeps them is never behind."""


def _keep_nowhere(_offset: int, _data: bytes) -> None:
    """The cells live in memory only."""


class Flash(PlainRegion):
    """``cells`` holds the contents; ``keep`` is told of every change first, so that a file has it too."""

    def __init__(
        self, profile: FlashProfile, cells: bytearray | None = None, keep: Keep = _keep_nowhere
    ) -> None:
        erased = bytes([profile.erased])
        super().__init__(profile.start, bytearray(erased * profile.size) if cells is None else cells)
        self._profile = profile
        self._erased = erased
        self._unit = profile.program_width
        self._keep = keep
        sizes = [size for count, size in profile.sectors for _ in range(count)]
        self._bounds = [0, *accumulate(sizes)]
        self._failing = False
        self._worn: Mapping[int, int] = {}

    def reset(self) -> None:
        """Clear the error flag that a misaligned write leaves behind."""
        self._failing = False

    def sector_at(self, address: int) -> int:
        """Index of the sector that holds ``address``."""
        return bisect_right(self._bounds, address - self.start) - 1

    def sector_size(self, sector: int) -> int:
        """Bytes in a sector."""
        return self._bounds[sector + 1] - self._bounds[sector]

    def sector_bounds(self, sector: int) -> tuple[int, int]:
        """First address of a sector, and the first behind it."""
        return self.start + self._bounds[sector], self.start + self._bounds[sector + 1]

    @property
    def erased(self) -> int:
        """The value of an erased byte."""
        return self._profile.erased

    @property
    def program_width(self) -> int:
        """Bytes that are programmed at once."""
        return self._unit

    @property
    def sectors(self) -> range:
        """Indices of all sectors."""
        return range(len(self._bounds) - 1)

    def erase(self, sector: int) -> None:
        """Set a whole sector to the erased value."""
        self._store(self._bounds[sector], self._erased * self.sector_size(sector))

    def disturb(self, address: int, data: bytes) -> None:
        """Bring cells into any state, as what goes wrong on silicon may; no rule holds."""
        self._store(address - self.start, data)

    def wear_out(self, bits: Mapping[int, int]) -> None:
        """From now on these ``bits``, a mask for each address, are programmed and cannot be erased."""
        worn = {address - self.start: mask for address, mask in bits.items()}
        self._worn = {**self._worn, **worn}
        for offset in worn:
            self._store(offset, bytes(self.cells[offset : offset + 1]))

    def cells_without_wear(self) -> bytearray:
        """A copy of the contents, in which worn bits are erased."""
        cells = bytearray(self.cells)
        for offset, mask in self._worn.items():
            cells[offset] = cells[offset] | mask if self.erased else cells[offset] & ~mask
        return cells

    def check_alignment(self, address: int, length: int) -> None:
        """Raises MemoryFault with errPROG for a misaligned write, and from then on for every one (AN2606)."""
        alignment = self._profile.write_alignment
        if self._failing or (address - self.start) % alignment or length % alignment:
            self._failing = True
            raise MemoryFault(Status.PROG)

    def is_erased(self, address: int, length: int) -> bool:
        """Whether all cells are erased that share a unit of programming with these ``length`` bytes."""
        start = address - self.start
        end = start + length
        start -= start % self._unit
        end += -end % self._unit
        return self.cells.startswith(self._erased * (end - start), start)

    def write(self, address: int, data: bytes) -> None:
        """Program ``data``; over cells that are not erased, do what the profile says.

        Raises MemoryFault as check_alignment does, or where the profile refuses to write over data: what
        comes before that place is programmed then.
        """
        self.check_alignment(address, len(data))
        offset = address - self.start
        if self.is_erased(address, len(data)):
            self._store(offset, data)
        elif self._profile.overwrite is Overwrite.CLEAR_BITS:
            self._store(offset, self._program_over(self.cells[offset : offset + len(data)], data))
        else:
            self._program_what_is_erased(offset, data)

    def _program_what_is_erased(self, offset: int, data: bytes) -> None:
        """Unit by unit, up to the first that the profile refuses."""
        overwrite = self._profile.overwrite
        zeros = bytes(self._unit) if overwrite is Overwrite.PROG_UNLESS_ZERO else None
        end = offset + len(data)
        for unit in range(offset - offset % self._unit, end, self._unit):
            first, behind = max(unit, offset), min(unit + self._unit, end)
            part = data[first - offset : behind - offset]
            if part != zeros and not self.is_erased(self.start + first, behind - first):
                refused = Status.VERIFY if overwrite is Overwrite.VERIFY else Status.PROG
                raise MemoryFault(refused, stored=first - offset)
            self._store(first, part)

    def _program_over(self, before: bytearray, data: bytes) -> bytes:
        old, new = int.from_bytes(before, "little"), int.from_bytes(data, "little")
        result = old & new if self._profile.erased else old | new
        return result.to_bytes(len(data), "little")

    def _store(self, offset: int, data: bytes) -> None:
        if self._worn:
            data = self._as_worn_cells_keep_it(offset, data)
        self._keep(offset, data)
        self.cells[offset : offset + len(data)] = data

    def _as_worn_cells_keep_it(self, offset: int, data: bytes) -> bytes:
        kept = bytearray(data)
        for worn, mask in self._worn.items():
            if 0 <= worn - offset < len(kept):
                kept[worn - offset] = (
                    kept[worn - offset] & ~mask if self.erased else kept[worn - offset] | mask
                )
        return bytes(kept)
