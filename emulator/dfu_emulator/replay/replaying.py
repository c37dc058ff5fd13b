"""A captured session against an emulated chip, transfer by transfer."""

from dataclasses import dataclass, field

from msgspec import structs

from dfu_emulator.bootloader import Reply
from dfu_emulator.bootloader.jobs import Job, Reason
from dfu_emulator.emulation import emulated
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel, SerialRule
from dfu_emulator.replay.clock import CaptureClock
from dfu_emulator.replay.compare import compare
from dfu_emulator.replay.contents import Contents, Found
from dfu_emulator.replay.emulated_chip import EmulatedChip, tells_busy
from dfu_emulator.replay.finding import Finding, Situation
from dfu_emulator.replay.keys import KEYS_OF_BUSY
from dfu_emulator.replay.limits import longest
from dfu_emulator.replay.outcome import Difference, Forced, Replayed
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.session import Session
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_emulator.replay.told import status_in, told_by
from dfu_emulator.replay.words import request_words
from dfu_emulator.scenario import Scenario
from dfu_emulator.trace import is_dfu
from dfu_protocol import Request, SetAddress, SetupPacket, State, Status, parse_command

_LEFT = "has left the bus"
_ABOUT_STATE = ("answer", "bStatus", "bState", "state", "length")
"""Aspects after which the states may be apart."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of the chip as it was when the capture began."""

    rdp: int | None = None
    """None: as the capture tells it."""
    boot0: bool | None = None
    """None: as the scenario says, else high."""
    flash: bytes | None = None
    """From its first byte on; None: as the capture tells it."""
    scenario: Scenario = field(default_factory=Scenario)
    """Only for what it says of the profile and of the start: its faults are left out."""


def replay(session: Session, profile: Profile, start: Start = Start()) -> Replayed:
    """Send all requests of ``session`` to a chip of ``profile``, and compare the answers.

    It is done twice: the first time shows what the memories held at the start, as far as the host read it
    later, and whether they were read protected. Raises ProfileError for a level that the chip does not have.
    """
    rdp = start.scenario.start.rdp if start.rdp is None else start.rdp
    first = _Replay(session, profile, start, rdp, [])
    seen = first.run()
    if start.rdp is None and seen.read_protected:
        rdp = rdp or 1
    return _Replay(session, profile, start, rdp, first.at_start).run()


class _Replay:
    def __init__(self, session: Session, profile: Profile, start: Start, rdp: int, at_start: Found) -> None:
        self._session = session
        self._profile = profile
        self._start = start
        self._result = Replayed(rdp=rdp, scenario=start.scenario.name or None)
        self._clock = CaptureClock()
        self.at_start = at_start
        self._came = isinstance(session.steps[0], Arrival)
        """Whether the state is the one that a reset leads to."""
        self._apart = self._missed = False
        self._missed_pointer: int | None = None
        self._protects_itself = False
        self._forget()

    def _forget(self) -> None:
        """What a reset undoes."""
        self._previous: SetupPacket | None = None
        self._request = ""
        self._job: Job | None = None
        self._job_at = 0
        self._busy_until: int | None = None
        self._apart = self._missed = False
        self._missed_pointer = None

    def run(self) -> Replayed:
        """All steps; what was learned of the memories is in ``at_start`` then."""
        fixed = self._profile.usb.serial is SerialRule.FIXED
        with emulated(
            self._profile,
            timing="real",
            clock=self._clock,
            serial=None if fixed else self._session.serial,
            rdp=self._result.rdp,
            boot0=self._start.boot0,
            scenario=structs.replace(self._start.scenario, faults=()),
        ) as port:
            self._result.serial = port.device.serial
            self._chip = EmulatedChip(port, self._clock)
            self._bootloader = self._chip.bootloader
            chip = self._bootloader.chip
            if self._start.flash is not None:
                chip.flash.cells[: len(self._start.flash)] = self._start.flash
            self._contents = Contents(chip, self.at_start, self._start.flash is not None)
            first, *_ = self._session.steps
            for index, step in enumerate(self._session.steps):
                self._clock.follow(step.at - first.at)
                self._step(step, index == 0)
        self.at_start = self._contents.at_start
        self._result.at_start = sum(len(data) for _, data in self.at_start)
        return self._result

    def _step(self, step: Step, is_first: bool) -> None:
        match step:
            case ControlTransfer():
                self._transfer(step)
            case Arrival() if is_first:
                pass
            case Reset() if self._chip.attached:
                self._chip.reset()
            case _:
                self._arrive(step)

    def _arrive(self, step: Step) -> None:
        """The captured chip has come to the bus."""
        if self._chip.attached and self._bootloader.state in (State.DNBUSY, State.MANIFEST):
            finding = Finding("bus", f"{_LEFT} and come back", "stays", ("memory.option_bytes",))
            self._add(step, f"after {self._request}", [finding])
        self._chip.plug_in()
        self._forget()
        self._came = True

    def _transfer(self, transfer: ControlTransfer) -> None:
        self._result.transfers += 1
        if not is_dfu(transfer.setup):
            self._answer(transfer)
            return
        self._result.requests += 1
        if self._apart:
            self._pass_over(transfer)
        else:
            self._answer(transfer)
        self._previous = transfer.setup
        if transfer.setup.bRequest not in (Request.GETSTATUS, Request.GETSTATE):
            self._request = request_words(transfer, self._bootloader.address_of(transfer.setup))

    def _pass_over(self, transfer: ControlTransfer) -> None:
        """The states are apart: until the capture tells one again, the emulator is not asked."""
        if findings := self._overdue(transfer):
            self._add(transfer, self._words(transfer, None), findings)
        else:
            self._result.passed_over += 1
        self._miss(transfer)
        self._meet(transfer)

    def _overdue(self, transfer: ControlTransfer) -> list[Finding]:
        """Of a chip slower than the emulated one: that it is slower than the data sheet allows."""
        status = status_in(transfer)
        if self._busy_until is None or status is None or status.bState is not State.DNBUSY:
            return []
        if self._clock.now() <= self._busy_until:
            return []
        self._busy_until = None
        return [Finding("bState", State.DNBUSY.label, self._bootloader.state.label, KEYS_OF_BUSY)]

    def _miss(self, transfer: ControlTransfer) -> None:
        """A request that the captured chip has taken, and the emulated one perhaps not."""
        setup = transfer.setup
        if setup.bRequest != Request.DNLOAD or transfer.outcome is not Outcome.ANSWERED:
            return
        self._missed = True
        command = parse_command(transfer.data) if setup.wValue == 0 and transfer.data else None
        if isinstance(command, SetAddress):
            self._missed_pointer = command.address

    def _meet(self, transfer: ControlTransfer) -> None:
        """Put the emulated bootloader where the captured one is, if it tells and there is one."""
        told = told_by(transfer)
        if told is None:
            return
        if not self._chip.attached:
            self._chip.plug_in()
            if not self._chip.attached:
                return
        if self._missed:
            self._contents.lose()
        if self._chip.put(told, self._missed_pointer):
            self._result.forced.append(Forced(transfer.number, told))
        self._apart = self._missed = False
        self._missed_pointer = self._busy_until = None

    def _answer(self, transfer: ControlTransfer) -> None:
        """Let the emulator answer, compare, and keep the two together."""
        if not self._is_there(transfer) or not self._chip.hears(transfer):
            return
        before, address = self._bootloader.state, self._bootloader.address_of(transfer.setup)
        if address is not None and transfer.setup.is_in and transfer.outcome is Outcome.ANSWERED:
            self._contents.learn(address, transfer.data)
        reply = self._chip.ask(transfer)
        self._see(reply)
        work = self._job.work.kind if self._job else None
        situation = Situation(self._profile, before, self._previous, work, address, reply)
        findings = [] if transfer.number in self._session.farewells else compare(transfer, situation)
        if is_dfu(transfer.setup):
            if self._is_slower(transfer, situation):
                findings, self._apart = [], True
            findings = self._without_start(transfer, findings)
            self._come_together(transfer, findings)
        self._add(transfer, self._words(transfer, address), findings)

    def _is_there(self, transfer: ControlTransfer) -> bool:
        """Whether the emulated chip is on the bus, or need be. If it has left too early, it comes back."""
        if self._chip.attached:
            return True
        if transfer.outcome in (Outcome.NO_ANSWER, Outcome.FAILED):
            return False
        if is_dfu(transfer.setup):
            words = self._words(transfer, None)
            self._arrive(transfer)
            self._apart = True
            self._miss(transfer)
            self._add(transfer, words, [Finding("bus", "is there", _LEFT, ("bootloader", "protection"))])
            self._meet(transfer)
            return False
        self._arrive(transfer)
        return self._chip.attached

    def _see(self, reply: Reply) -> None:
        if reply.job is not None:
            self._job, self._job_at = reply.job, self._clock.now()
            self._contents.change(reply.job.effects)
            self._protects_itself |= reply.job.reset is Reason.OPTION_BYTES

    def _is_slower(self, transfer: ControlTransfer, situation: Situation) -> bool:
        """Whether the captured chip still works where the emulated one is done, as the data sheet allows."""
        theirs = status_in(transfer)
        if theirs is None or theirs.bState is not State.DNBUSY or self._job is None:
            return False
        if self._profile.bootloader.busy is BusyModel.BLOCK or situation.before is not State.DNBUSY:
            return False
        width = self._bootloader.chip.width
        is_done = not tells_busy(situation.reply) and situation.reply.data is not None
        limit = self._job_at + longest(self._profile.timing, self._job.work, width)
        if not is_done or self._clock.now() > limit:
            return False
        self._busy_until = limit
        return True

    def _without_start(self, transfer: ControlTransfer, findings: list[Finding]) -> list[Finding]:
        """Without what is only due to the state in which an earlier host had left the chip."""
        status = status_in(transfer)
        if self._came or self._previous is not None or (status and status.bStatus is Status.FIRMWARE):
            return findings
        kept = [finding for finding in findings if finding.aspect not in _ABOUT_STATE]
        if kept != findings:
            told = told_by(transfer)
            self._result.begins = None if told is None else Forced(transfer.number, told)
            self._apart = True
        return kept

    def _come_together(self, transfer: ControlTransfer, findings: list[Finding]) -> None:
        """After an answer that may have left the two in different states."""
        self._watch_protection(transfer)
        if any(finding.aspect in _ABOUT_STATE for finding in findings):
            self._apart = True
            self._miss(transfer)
            self._missed |= self._job is not None and any(f.aspect == "bStatus" for f in findings)
        if self._apart:
            self._meet(transfer)

    def _watch_protection(self, transfer: ControlTransfer) -> None:
        status = status_in(transfer)
        # What the first answer tells is an earlier host's.
        says_vendor = status is not None and status.bStatus is Status.VENDOR and self._previous is not None
        if says_vendor and not self._protects_itself and self._bootloader.status is not Status.VENDOR:
            self._result.read_protected = True

    def _words(self, transfer: ControlTransfer, address: int | None) -> str:
        words = request_words(transfer, address)
        if is_dfu(transfer.setup) and transfer.setup.bRequest in (Request.GETSTATUS, Request.GETSTATE):
            return f"{words} after {self._request}" if self._request else words
        return words

    def _add(self, step: Step, words: str, findings: list[Finding]) -> None:
        if not findings:
            return
        self._result.differing += isinstance(step, ControlTransfer)
        at = step.at - self._session.steps[0].at
        self._result.differences += [Difference(step.number, at, words, finding) for finding in findings]
