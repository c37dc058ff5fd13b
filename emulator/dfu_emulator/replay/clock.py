"""The emulated chip's clock: it follows the capture's."""


class CaptureClock:
    """Microseconds; a sleep puts it ahead of the capture for good."""

    def __init__(self) -> None:
        self._now = 0
        self._ahead = 0

    def now(self) -> int:
        return self._now

    def sleep(self, duration: int) -> None:
        self._now += duration
        self._ahead += duration

    def follow(self, at: int) -> None:
        """It is ``at`` in the capture. A capture whose times go back does not take the chip back."""
        self._now = max(self._now, at + self._ahead)
