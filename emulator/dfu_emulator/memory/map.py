"""Which memory is at an address."""

from collections.abc import Sequence

from dfu_emulator.memory.region import Region


class MemoryMap:
    """The memories of a chip. They do not overlap: the profile's loader has checked that."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = tuple(regions)

    def find(self, address: int) -> Region | None:
        """The memory that holds ``address``, or None."""
        for region in self._regions:
            if region.start <= address < region.end:
                return region
        return None
