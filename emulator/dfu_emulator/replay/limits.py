"""How long a job may take at most."""

from dfu_emulator.profile.model import Timing
from dfu_emulator.timing import Work, WorkKind


def longest(timing: Timing, work: Work, width: str | None) -> int:
    """Microseconds that the data sheet gives as the maximum; ``width`` is a key into ``timing.flash``."""
    times = timing.flash[width or next(iter(timing.flash))]
    match work.kind:
        case WorkKind.WRITE:
            return work.units * times.program.max
        case WorkKind.ERASE:
            return times.erase_by_size[work.sector].max
        case WorkKind.MASS_ERASE | WorkKind.READ_UNPROTECT:
            return times.mass_erase.max
        case _:
            return 0
