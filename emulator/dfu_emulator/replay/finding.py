"""What differs in one answer."""

from typing import NamedTuple

from dfu_emulator.bootloader import Reply
from dfu_emulator.profile import Profile
from dfu_emulator.timing import WorkKind
from dfu_protocol import SetupPacket, State


class Finding(NamedTuple):
    """A difference between the answer in the capture and the emulator's."""

    aspect: str
    """What of the answer it is."""
    chip: str
    """In the capture."""
    emulator: str
    keys: tuple[str, ...] = ()
    """Keys of the profile that decide such a thing; none where no key does."""
    of_the_chip: str = ""
    """What of the chip as it was at the start, and not of its profile, decides such a thing too."""
    values_vary: bool = False
    """Whether the values differ from case to case, although the cause is the same."""


class Situation(NamedTuple):
    """What the emulator knew of a request before it, and what it answered."""

    profile: Profile
    before: State
    """The emulated bootloader's."""
    previous: SetupPacket | None
    """The DFU request before."""
    work: WorkKind | None
    """What the last job was, or is since this request."""
    address: int | None
    """Where a data block goes to or comes from; None for any other request."""
    reply: Reply
