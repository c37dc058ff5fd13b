"""What usbmon and USBPcap tell of control transfers, in one form, and the transfers that it makes up."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dfu_protocol import SetupPacket

CONTROL = 2
"""Transfer type of control transfers, in usbmon and in USBPcap."""


class Outcome(Enum):
    """How a control transfer ended."""

    ANSWERED = "answered"
    STALL = "STALL"
    NO_ANSWER = "no answer"
    """The host gave up."""
    FAILED = "failed"
    """The host controller did: for example because the device had left the bus."""


class Record(NamedTuple):
    """A packet about a control transfer: its start, its end, or data between the two."""

    number: int
    """Of the packet."""
    at: int
    """Microseconds."""
    bus: int
    address: int
    identity: int
    """Of the transfer, while it lasts."""
    setup: SetupPacket | None = None
    """Set in the record of the start."""
    data: bytes = b""
    missing: int = 0
    """Bytes of data that the capture left out."""
    ended: Outcome | None = None
    """Set in the record of the end."""


@dataclass(frozen=True, slots=True)
class ControlTransfer:
    """A control transfer as it was captured."""

    number: int
    """Of its first packet, or its line in a trace."""
    at: int
    """Microseconds."""
    bus: int
    address: int
    setup: SetupPacket
    data: bytes
    """The data stage, whatever its direction; of an IN transfer that was not answered there is none."""
    outcome: Outcome
    took: int | None
    """Microseconds to its end; None where the capture does not have that."""
    missing: int = 0
    """Bytes of data that the capture left out."""

    @property
    def place(self) -> tuple[int, int]:
        """Bus and address of the device."""
        return self.bus, self.address


def paired(records: Iterable[Record]) -> list[ControlTransfer]:
    """The transfers that ``records`` are about, in the order of their starts.

    An end whose start was not captured is left out. A start without an end was not answered.
    """
    found: list[ControlTransfer | None] = []
    running: dict[tuple[int, int], tuple[int, Record]] = {}
    for record in records:
        key = record.bus, record.identity
        if record.setup is not None:
            _end_unanswered(found, running.pop(key, None))
            running[key] = (len(found), record)
            found.append(None)
        elif key in running:
            place, start = running[key]
            data, missing = start.data + record.data, start.missing + record.missing
            start = start._replace(data=data, missing=missing)
            running[key] = (place, start)
            if record.ended is not None:
                del running[key]
                found[place] = _transfer(start, record.ended, record.at - start.at)
    for left in running.values():
        _end_unanswered(found, left)
    return [transfer for transfer in found if transfer is not None]


def _end_unanswered(found: list[ControlTransfer | None], left: tuple[int, Record] | None) -> None:
    if left is not None:
        place, start = left
        found[place] = _transfer(start, Outcome.NO_ANSWER, None)


def _transfer(start: Record, outcome: Outcome, took: int | None) -> ControlTransfer:
    setup = start.setup
    assert setup is not None  # noqa: S101 - only a record with one starts a transfer
    return ControlTransfer(
        start.number, start.at, start.bus, start.address, setup, start.data, outcome, took, start.missing
    )
