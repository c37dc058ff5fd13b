"""Sessions with emulated chips, recorded as the steps that a capture of them has."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dfu_emulator.bootloader import NEVER
from dfu_emulator.port import Attached, BusReset, Detached, Occurrence, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.replay import Capture, Place, Replayed, Session, Start, find_session, replay
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Reset, Step
from emulator.host import Host, plugged

Script = Callable[[Host], object]
"""What a host does with a chip in dfuIDLE or dfuERROR."""
BUS = 1


class Recorder:
    """Watches a port. It does not tell that the chip has come for the first time, as most captures."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._address = 0

    def __call__(self, occurrence: Occurrence) -> None:
        number, at = len(self.steps) + 1, occurrence.at
        match occurrence:
            case Attached(address=address):
                if self._address:
                    self.steps.append(Arrival(number, at, BUS, address))
                self._address = address
            case BusReset():
                self.steps.append(Reset(number, at, BUS, self._address))
            case Transfer(setup=setup, data=data, reply=reply):
                outcome = Outcome.STALL if reply.data is None else Outcome.ANSWERED
                took: int | None = reply.hold
                if reply.hold >= NEVER:
                    outcome, took, data = Outcome.NO_ANSWER, None, b""
                self.steps.append(ControlTransfer(number, at, BUS, self._address, setup, data, outcome, took))
            case Detached():
                pass


def recorded(profile: Profile, script: Script, **options: Any) -> list[Step]:
    """What a host does by ``script`` with a new chip."""
    recorder = Recorder()
    with plugged(profile, timing="real", watchers=(recorder,), **options) as host:
        script(host)
    return recorder.steps


def at(steps: list[Step], place: Place) -> list[Step]:
    """The same at another place."""
    bus, address = place
    return [
        replace(step, bus=bus, address=address)
        if isinstance(step, ControlTransfer)
        else step._replace(bus=bus, address=address)
        for step in steps
    ]


def numbered(*parts: list[Step]) -> Capture:
    """One capture of ``parts``, one after the other."""
    steps = [step for part in parts for step in part]
    return Capture(
        [
            replace(step, number=number)
            if isinstance(step, ControlTransfer)
            else step._replace(number=number)
            for number, step in enumerate(steps, 1)
        ],
        "packet",
    )


def session_of(steps: list[Step]) -> Session:
    """The session in steps of one chip, which shows that it is one by a GETSTATUS."""
    return find_session(Capture(steps, "packet"), 0x0483, 0xDF11)


def replayed(steps: list[Step], profile: Profile, start: Start | None = None) -> Replayed:
    """What a replay of ``steps`` against ``profile`` finds."""
    return replay(session_of(steps), profile, start or Start())


def found(result: Replayed) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """The differences, without their places."""
    return [
        (finding.aspect, finding.chip, finding.emulator, finding.keys)
        for finding in (difference.finding for difference in result.differences)
    ]
