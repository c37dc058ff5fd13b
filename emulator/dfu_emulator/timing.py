"""Time: how long the chip works, what it says of that, and the clock it is measured by."""

import time
from enum import Enum
from typing import NamedTuple, Protocol

from dfu_emulator.profile.model import Timing as TimingProfile


class WorkKind(Enum):
    """What a job does; each value is a key of ``timing.poll_timeout`` in the profile."""

    SET_ADDRESS = "set_address"
    WRITE = "write"
    ERASE = "erase"
    MASS_ERASE = "mass_erase"
    READ_UNPROTECT = "read_unprotect"
    MANIFEST = "manifest"


class Work(NamedTuple):
    """A job, as far as its duration depends on it."""

    kind: WorkKind
    units: int = 0
    """Program widths of the flash to program."""
    sector: int = 0
    """Bytes in the sector to erase."""


class Timing(Protocol):
    """What the state machine asks about time. It never waits itself."""

    def idle_timeout(self) -> int:
        """bwPollTimeout in milliseconds while nothing is to be done."""

    def poll_timeout(self, kind: WorkKind) -> int:
        """bwPollTimeout in milliseconds that the chip reports for a job."""

    def duration(self, work: Work, width: str | None) -> int:
        """Microseconds that a job takes; ``width`` is the key into ``timing.flash``, None for the first."""

    def connect_delay(self) -> int:
        """Microseconds from a reset to the USB connection."""


class RealTiming:
    """Data-sheet times (typical), and bwPollTimeout as the chip reports it."""

    def __init__(self, profile: TimingProfile) -> None:
        self._profile = profile
        self._default = next(iter(profile.flash))
        self._erase = {width: times.erase_by_size for width, times in profile.flash.items()}

    def idle_timeout(self) -> int:
        return self._profile.poll_timeout.idle

    def poll_timeout(self, kind: WorkKind) -> int:
        timeout: int = getattr(self._profile.poll_timeout, kind.value)
        return timeout

    def duration(self, work: Work, width: str | None) -> int:
        width = width or self._default
        times = self._profile.flash[width]
        match work.kind:
            case WorkKind.WRITE:
                return work.units * times.program.typ
            case WorkKind.ERASE:
                return self._erase[width][work.sector].typ
            case WorkKind.MASS_ERASE | WorkKind.READ_UNPROTECT:
                return times.mass_erase.typ
            case _:
                return 0

    def connect_delay(self) -> int:
        return self._profile.connect


class FastTiming:
    """The same states in the same order, but nothing takes time and bwPollTimeout is 0."""

    def idle_timeout(self) -> int:
        return 0

    def poll_timeout(self, kind: WorkKind) -> int:
        return 0

    def duration(self, work: Work, width: str | None) -> int:
        return 0

    def connect_delay(self) -> int:
        return 0


class Clock(Protocol):
    """Microseconds since some moment."""

    def now(self) -> int:
        """The time."""

    def sleep(self, duration: int) -> None:
        """Let ``duration`` microseconds pass."""


class MonotonicClock:
    """The system's clock."""

    def now(self) -> int:
        return time.monotonic_ns() // 1000

    def sleep(self, duration: int) -> None:
        time.sleep(duration / 1_000_000)


class ManualClock:
    """A clock for tests: it moves only when told, and a sleep moves it at once."""

    def __init__(self) -> None:
        self._now = 0

    def now(self) -> int:
        return self._now

    def sleep(self, duration: int) -> None:
        self._now += duration
