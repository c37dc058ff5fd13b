"""What a replay has found."""

from dataclasses import dataclass, field
from typing import NamedTuple

from dfu_emulator.replay.finding import Finding
from dfu_emulator.replay.told import Told


class Difference(NamedTuple):
    """A finding, and where in the capture it is."""

    number: int
    """Of the packet or line with the request."""
    at: int
    """Microseconds since the capture's first step of this device."""
    request: str
    """In words."""
    finding: Finding


class Forced(NamedTuple):
    """From this packet or line on, the emulated bootloader is where the captured one is."""

    number: int
    told: Told


@dataclass(slots=True)
class Replayed:
    """What became of a session."""

    transfers: int = 0
    requests: int = 0
    """DFU requests among the transfers."""
    passed_over: int = 0
    """DFU requests that were not compared, because the states were apart."""
    differing: int = 0
    """Transfers that were answered differently."""
    differences: list[Difference] = field(default_factory=list)
    """In order; one transfer may have several."""
    forced: list[Forced] = field(default_factory=list)
    begins: Forced | None = None
    """Where the chip was when the capture began, if that is not where a reset leads to."""
    read_protected: bool = False
    """Whether the chip says errVENDOR without having been protected in the capture."""
    at_start: int = 0
    """Bytes of memory that are taken to have been at the start what the host read later."""
    rdp: int = 0
    """The read protection level that the emulated chip began with."""
    serial: str = ""
    """The emulated chip's serial number."""
    scenario: str | None = None
    """The name of the one that says how the chip was at the start."""

    @property
    def equal(self) -> int:
        """Transfers that were answered alike."""
        return self.transfers - self.passed_over - self.differing
