"""Bytes a second."""

from collections import deque

_TICK = 100_000
"""Microseconds."""
_TICKS = 10
"""That make a second."""


class Rate:
    """How many bytes came in the last second, to a tenth of a second."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[int, int]] = deque(maxlen=_TICKS)
        """The number of each tick in which some came, and how many; the oldest first."""

    def add(self, at: int, length: int) -> None:
        """``length`` bytes at ``at`` (microseconds)."""
        tick, ticks = at // _TICK, self._ticks
        if ticks and ticks[-1][0] == tick:
            length += ticks.pop()[1]
        ticks.append((tick, length))

    def at(self, now: int) -> int:
        """Bytes in the second before ``now`` (microseconds)."""
        first = now // _TICK - _TICKS + 1
        return sum(length for tick, length in self._ticks if tick >= first)
