"""The contract of a memory: a run of addresses that can be read, and perhaps written."""

from abc import ABC, abstractmethod

from dfu_protocol import Status


class MemoryFault(Exception):
    """An access that the memory refuses. ``status`` is what DFU_GETSTATUS tells of it.

    ``stored`` is the number of bytes that were stored before the place that it refuses.
    """

    def __init__(self, status: Status, stored: int = 0) -> None:
        super().__init__(status.label)
        self.status = status
        self.stored = stored


class Region(ABC):
    """Addresses from ``start`` up to, not including, ``end``."""

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.end = start + size

    @abstractmethod
    def read(self, address: int, length: int) -> bytes:
        """``length`` bytes from ``address``; the caller keeps both inside the region."""

    @abstractmethod
    def write(self, address: int, data: bytes) -> None:
        """Store ``data``, which the caller keeps inside the region. Raises MemoryFault if refused."""


class PlainRegion(Region):
    """Bytes without rules of their own for reading."""

    def __init__(self, start: int, cells: bytearray) -> None:
        super().__init__(start, len(cells))
        self.cells = cells
        self._view = memoryview(cells)

    def read(self, address: int, length: int) -> bytes:
        offset = address - self.start
        return self._view[offset : offset + length].tobytes()
