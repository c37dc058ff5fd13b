"""Times of the real chip, and what it says of them."""

from dfu_emulator.profile.model.section import Milliseconds, Section
from dfu_emulator.profile.scalars import Duration, Size


class PollTimeouts(Section, frozen=True):
    """bwPollTimeout that the chip reports, in milliseconds; it may lie."""

    idle: Milliseconds
    set_address: Milliseconds
    write: Milliseconds
    erase: Milliseconds
    mass_erase: Milliseconds
    read_unprotect: Milliseconds
    manifest: Milliseconds


class Span(Section, frozen=True):
    """A data-sheet time: typical and maximum."""

    typ: Duration
    max: Duration


class FlashTimes(Section, frozen=True):
    """How long the flash takes, at one width of programming."""

    program: Span
    """``program_width`` bytes of the flash."""
    erase: dict[str, Span]
    """By sector size, spelled as a size."""
    mass_erase: Span

    @property
    def erase_by_size(self) -> dict[int, Span]:
        """Erase times by sector size in bytes."""
        return {Size.read(spelled): span for spelled, span in self.erase.items()}


class Timing(Section, frozen=True):
    """Times of the real chip."""

    poll_timeout: PollTimeouts
    flash: dict[str, FlashTimes]
    """By width of programming; the first is what applies after a reset."""
    connect: Duration
    """From reset to the USB connection."""
