"""One-time programmable memory: bits are written once, and a lock byte freezes a block for ever."""

from dfu_emulator.memory.region import MemoryFault, PlainRegion
from dfu_emulator.profile.model import Otp as OtpProfile
from dfu_protocol import Status

_UNLOCKED = 0xFF


class Otp(PlainRegion):
    """Data blocks first, then one lock byte a block where there are some; one that is not 0xFF locks."""

    def __init__(self, profile: OtpProfile) -> None:
        super().__init__(profile.start, bytearray(b"\xff" * profile.size))
        self._profile = profile

    def write(self, address: int, data: bytes) -> None:
        """Clear bits.

        Raises MemoryFault, and stores nothing, where a block in reach is locked (errWRITE) or where the
        profile has units that are written once and one in reach is (errPROG).
        """
        offset = address - self.start
        behind = offset + len(data)
        if self._profile.lock_bytes and any(map(self._is_locked, range(offset, behind))):
            raise MemoryFault(Status.WRITE)
        if unit := self._profile.write_once:
            reach = self.cells[offset - offset % unit : behind + -behind % unit]
            if reach.count(0xFF) != len(reach):
                raise MemoryFault(Status.PROG)
        for position, value in enumerate(data, offset):
            self.cells[position] &= value

    def _is_locked(self, position: int) -> bool:
        profile = self._profile
        locks = profile.blocks * profile.block
        block = position // profile.block if position < locks else position - locks
        return self.cells[locks + block] != _UNLOCKED
