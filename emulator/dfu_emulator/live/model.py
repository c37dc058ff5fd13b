"""What there is to see of one chip. It is noted while the port is locked: in as few steps as possible."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self

from dfu_emulator.advice import Advice
from dfu_emulator.bootloader import Departure
from dfu_emulator.chip import Chip
from dfu_emulator.live.rate import Rate
from dfu_emulator.memory import Region
from dfu_emulator.port import Attached, Detached, Occurrence, Port, Transfer
from dfu_emulator.profile.areas import areas
from dfu_protocol import State, Status

_TOUCHES = 2048
"""Kept at most: more than the largest flash has blocks of its wTransferSize."""
_LINES = 128
"""Kept at most: more than a terminal shows."""


class Kind(IntEnum):
    """What was done to a run of memory."""

    ERASE = 0
    WRITE = 1
    READ = 2


_BY_ACTION = {"erase": Kind.ERASE, "write": Kind.WRITE}


class Touch(NamedTuple):
    """A run of memory that was erased, written or read, at a time of the port's clock (microseconds)."""

    at: int
    kind: Kind
    address: int
    length: int


class Line(NamedTuple):
    """An occurrence, and how many transfers like it came in a row."""

    occurrence: Occurrence
    times: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One memory; a part of it counts as empty where it is as in ``blank``."""

    label: str
    region: Region
    blank: bytes

    def holds(self, address: int) -> bool:
        """Whether ``address`` is in it."""
        return self.region.start <= address < self.region.end


class Traffic(NamedTuple):
    """Bytes since the start, and in the last second."""

    total: int
    rate: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A chip at a moment: all that a view draws. The memories are the chip's own and go on changing."""

    name: str
    """On the bus, such as ``1-2``; empty for the only chip."""
    part: str
    serial: str
    chip: Chip
    flash: Strip
    others: Sequence[Strip]
    """The other memories that were used so far, by their address."""
    now: int
    """Microseconds of the port's clock, as all times here."""
    start: int
    on_bus: bool
    departure: Departure | None
    """How it left the bus, None while it is there or if it has never been."""
    state: State
    status: Status
    pointer: int
    busy_for: int
    """Microseconds for which it will not answer."""
    traffic: dict[Kind, Traffic]
    touches: Sequence[Touch]
    """The oldest first."""
    lines: Sequence[Line]
    """The oldest first."""
    transfers: int
    last_used: int
    """When the last transfer took place, 0 for never."""
    advice: Sequence[Advice]


class ChipModel:
    """Watches ``port`` as a context. ``name`` is what a user knows the chip by."""

    def __init__(self, port: Port, name: str = "") -> None:
        self._port = port
        self._name = name
        self._start = port.clock.now()
        self._chip = port.device.bootloader.chip
        self._flash, *self._others = _strips(self._chip)
        self._lock = threading.Lock()
        self._touches: deque[Touch] = deque(maxlen=_TOUCHES)
        self._lines: deque[Line] = deque(maxlen=_LINES)
        self._totals = dict.fromkeys(Kind, 0)
        self._rates = {kind: Rate() for kind in Kind}
        self._transfers = 0
        self._last_used = 0
        self._used: set[Strip] = set()
        self._departure: Departure | None = None
        self._advice: list[Advice] = []

    def __enter__(self) -> Self:
        self._port.watch(self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._port.unwatch(self._note)

    @property
    def name(self) -> str:
        """What a user knows the chip by."""
        return self._name

    def advise(self, advice: Advice) -> None:
        """Take in what an adviser has found."""
        with self._lock:
            self._advice.append(advice)

    def _note(self, occurrence: Occurrence) -> None:
        with self._lock:
            times = 1
            match occurrence:
                case Transfer():
                    self._note_transfer(occurrence)
                    times += self._take_like(occurrence)
                case Detached(departure=departure):
                    self._departure = departure
                case Attached():
                    self._departure = None
            self._lines.append(Line(occurrence, times))

    def _note_transfer(self, transfer: Transfer) -> None:
        self._transfers += 1
        self._last_used = transfer.at
        reply = transfer.reply
        if reply.job is not None:
            for action, address, length in reply.job.effects:
                self._touch(transfer.at, _BY_ACTION[action], address, length)
        elif transfer.address is not None and reply.data:
            self._touch(transfer.at, Kind.READ, transfer.address, len(reply.data))

    def _take_like(self, transfer: Transfer) -> int:
        """Take the last line away if it says the same as ``transfer``; how many it stands for."""
        if self._lines:
            last = self._lines[-1].occurrence
            if isinstance(last, Transfer) and _is_like(last, transfer):
                return self._lines.pop().times
        return 0

    def _touch(self, at: int, kind: Kind, address: int, length: int) -> None:
        self._touches.append(Touch(at, kind, address, length))
        if not self._flash.holds(address):
            self._used.update(strip for strip in self._others if strip.holds(address))
        self._totals[kind] += length
        self._rates[kind].add(at, length)

    def snapshot(self) -> Snapshot:
        """How it is now."""
        port, now = self._port, self._port.clock.now()
        # Looking brings back a chip whose time it is, which is noted: so before the lock.
        on_bus, bootloader = port.attached, port.device.bootloader
        busy_for = port.silent_for()
        with self._lock:
            return Snapshot(
                name=self._name,
                part=port.device.profile.part,
                serial=port.device.serial,
                chip=self._chip,
                flash=self._flash,
                others=[strip for strip in self._others if strip in self._used],
                now=now,
                start=self._start,
                on_bus=on_bus,
                departure=self._departure,
                state=bootloader.state,
                status=bootloader.status,
                pointer=bootloader.address_pointer,
                busy_for=busy_for,
                traffic={
                    kind: Traffic(total, self._rates[kind].at(now)) for kind, total in self._totals.items()
                },
                touches=tuple(self._touches),
                lines=tuple(self._lines),
                transfers=self._transfers,
                last_used=self._last_used,
                advice=tuple(self._advice),
            )


def _is_like(one: Transfer, other: Transfer) -> bool:
    return (
        one.setup == other.setup
        and one.reply == other.reply
        and one.before is other.before
        and one.after is other.after
        and one.data == other.data
    )


def _strips(chip: Chip) -> list[Strip]:
    """The flash, then the others by their address; of those a change is what differs from now."""
    found = []
    for area in sorted(areas(chip.profile.memory), key=lambda area: (area.memory != "flash", area.start)):
        region = chip.map.find(area.start)
        assert region is not None  # noqa: S101 - the chip has a memory for each area of its profile
        if area.memory == "flash":
            blank = bytes([chip.flash.erased]) * area.size
        else:
            blank = region.read(area.start, area.size)
        found.append(Strip(area.label, region, blank))
    return found
