"""One-time programmable memory: bits are written once, and a lock byte freezes a block for ever."""

from dfu_emulator.memory.region import MemoryFault, PlainRegion
from dfu_emulator.profile.model import Otp as OtpProfile
from dfu_protocol import Status

_UNLOCKED = 0xFF


class Otp(PlainRegion):
    """Data blocks first, then one lock byte a block; a lock byte that is not 0xFF locks (RM0090)."""

    def __init__(self, profile: OtpProfile) -> None:
        super().__init__(profile.start, bytearray(b"\xff" * profile.size))
        self._block = profile.block
        self._blocks = profile.blocks

    def write(self, address: int, data: bytes) -> None:
        """Clear bits. Raises MemoryFault with errWRITE, and stores nothing, if a block in reach is locked."""
        offset = address - self.start
        if any(self._is_locked(position) for position in range(offset, offset + len(data))):
            raise MemoryFault(Status.WRITE)
        for position, value in enumerate(data, offset):
            self.cells[position] &= value

    def _is_locked(self, position: int) -> bool:
        locks = self._blocks * self._block
        block = position // self._block if position < locks else position - locks
        return self.cells[locks + block] != _UNLOCKED
