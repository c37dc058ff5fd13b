"""The DfuSe state machine: a DFU request in, a reply out. Time is a number that the caller brings."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from dfu_emulator.bootloader.jobs import Departure, Job, Reason, Worker
from dfu_emulator.bootloader.transitions import Action, Cell, Event, transition_table
from dfu_emulator.chip import Chip
from dfu_emulator.memory import MemoryFault
from dfu_emulator.profile.model import BlockSize, BusyModel, FirstContact, HeldAt
from dfu_emulator.timing import Timing, WorkKind
from dfu_protocol import FIRST_DATA_BLOCK, Request, SetupPacket, State, Status, StatusReply
from dfu_protocol.control import STATUS_REPLY

NEVER = 1 << 40
"""As ``Reply.hold``: there is no answer, however long a host waits."""


class Reply(NamedTuple):
    """The device's answer to one control transfer."""

    data: bytes | None
    """What the data stage brings to the host; None is a STALL."""
    hold: int = 0
    """Microseconds that the device NAKs before it answers; NEVER and more: it does not."""
    departure: Departure | None = None
    """Set where the device leaves the bus once the host has the answer."""
    reason: str = ""
    """Why it is a STALL, for those who watch; the host does not get to see it."""
    job: Job | None = None
    """The job that this GETSTATUS has started, for those who watch: it has been done."""
    lost: bool = False
    """True where the device has left before the host has the answer."""
    fault: str = ""
    """What a scenario has done to it, for those who watch."""


ACKNOWLEDGED = Reply(b"")


def stalled(reason: str) -> Reply:
    """A STALL, and why."""
    return Reply(None, reason=reason)


_Step: TypeAlias = Callable[[SetupPacket, bytes, int, Cell], Reply]
_REQUEST_TYPES = {int(request): SetupPacket.dfu(request).bmRequestType for request in Request}
_DNLOAD = int(Request.DNLOAD)
_MOVES_DATA = (Request.DNLOAD, Request.UPLOAD)
_STATUS_SIZE = STATUS_REPLY.size
_COMMAND_BLOCK, _RESERVED_BLOCK = 0, 1


class Bootloader:
    """The ROM's DFU interface on ``chip``. Its state starts as after a reset."""

    def __init__(self, chip: Chip, timing: Timing) -> None:
        self.chip = chip
        self._timing = timing
        rules = chip.profile.bootloader
        self._rules = rules
        self._transfer_size = chip.profile.dfu.wTransferSize
        self._fixed_blocks = rules.block_size is BlockSize.WTRANSFERSIZE
        self._commands = bytes(rules.commands)
        self._idle_timeout = timing.idle_timeout()
        steps: dict[Action, _Step] = {
            Action.REFUSE: self._refuse_step,
            Action.STALL: self._stall,
            Action.ACKNOWLEDGE: self._acknowledge,
            Action.ACCEPT: self._accept,
            Action.SEND: self._send,
            Action.REPORT: self._report,
            Action.START: self._start,
            Action.FINISH: self._finish,
            Action.MANIFEST: self._manifest,
            Action.TELL_STATE: self._tell_state,
            Action.CLEAR: self._clear,
            Action.CONFUSE: self._confuse,
            Action.REENUMERATE: self._reenumerate,
            Action.SILENCE: self._stall,
        }
        table = transition_table(rules)
        # Indexed by state, then event: the machine's hot path.
        self._rows = [
            [(steps[table[state][event].action], table[state][event]) for event in Event] for state in State
        ]
        self.power_up()

    def power_up(self) -> None:
        """What a reset does, up to the first request."""
        self.chip.reset()
        self._worker = Worker(self.chip)
        self._pending = (0, b"")
        self._job: Job | None = None
        self._done_at = 0
        self._ready_at = 0
        self.silent_until = 0
        """Until when a job keeps the chip from answering anything; 0 if none did."""
        self._runs = self.chip.option_bytes.rdp_level != 2
        if self._rules.first_contact is FirstContact.ERR_FIRMWARE:
            self._state, self._status = State.ERROR, Status.FIRMWARE
        else:
            self._state, self._status = State.DFU_IDLE, Status.OK

    def reattach(self) -> None:
        """Come back to the bus: after a reset as new, after a DFU_DETACH in the state it left."""
        if not self.runs:
            self.power_up()

    def force(self, state: State, status: Status) -> None:
        """Be in ``state`` with ``status``, however one gets there. Not for states that a job leads to."""
        self._state, self._status = state, status

    def cut_power(self, back_after: int | None) -> Departure:
        """Power goes; it is back after so many microseconds, or, if None, for good."""
        self._runs = False
        returns = back_after is not None and self.chip.boots_into_rom()
        delay = self._timing.connect_delay()
        return Departure(Reason.POWER_LOSS, (back_after or 0) + delay if returns else None)

    def bus_reset(self) -> None:
        """A USB reset ends what goes on; an error stays until it is cleared."""
        if self._state is not State.ERROR:
            self._state = State.DFU_IDLE

    @property
    def runs(self) -> bool:
        """False once it has left for the application or a reset, and always at read protection level 2."""
        return self._runs

    @property
    def state(self) -> State:
        """bState as DFU_GETSTATE would tell it."""
        return self._state

    @property
    def status(self) -> Status:
        """bStatus as DFU_GETSTATUS would tell it."""
        return self._status

    @property
    def address_pointer(self) -> int:
        """Where the next block 2 goes to or comes from."""
        return self._worker.pointer

    @property
    def task(self) -> tuple[WorkKind, int] | None:
        """What a DFU_GETSTATUS would start, or tell the outcome of, and at which address, if anything."""
        if self._state is State.DNLOAD_SYNC:
            block, data = self._pending
            return self._worker.outlook(block, data, self._block_size(len(data)))
        if self._state is State.DNBUSY and self._job is not None:
            return self._job.work.kind, self._job.address
        return None

    def address_of(self, setup: SetupPacket) -> int | None:
        """Where a data block of DNLOAD or UPLOAD goes to or comes from; None for any other request."""
        request_type, request, block, _index, length = setup
        if request not in _MOVES_DATA or request_type != _REQUEST_TYPES[request]:
            return None
        if block < FIRST_DATA_BLOCK or not length:
            return None
        return self._worker.address_of(block, self._block_size(length))

    def silent_for(self, now: int) -> int:
        """Microseconds for which a job keeps the chip from answering anything."""
        return max(0, self.silent_until - now)

    def handle(self, setup: SetupPacket, data: bytes = b"", now: int = 0) -> Reply:
        """Answer a class request to the DFU interface at ``now`` (microseconds).

        ``data`` is the data stage of an OUT request, wLength bytes.
        """
        if now < self.silent_until:
            held = self.silent_for(now)
            reply = self.handle(setup, data, now + held)
            return reply._replace(hold=reply.hold + held)
        request_type, event, _value, _index, length = setup
        if _REQUEST_TYPES.get(event) != request_type:
            return self._refuse(_explain_mismatch(setup))
        if event == _DNLOAD and not length:
            event = Event.DNLOAD_ZERO
        step, cell = self._rows[self._state][event]
        return step(setup, data, now, cell)

    def takes_data(self, setup: SetupPacket) -> bool:
        """Whether the data stage of an OUT request is taken or stalled; no data changes that.

        A device controller has to know before it reads them. Nothing happens.
        """
        if _REQUEST_TYPES.get(setup.bRequest) != setup.bmRequestType:
            return False
        _step, cell = self._rows[self._state][setup.bRequest]
        if cell.action is Action.ACCEPT:
            return not self._block_problem(setup)
        return cell.action not in (Action.REFUSE, Action.STALL, Action.SILENCE)

    def _refuse(self, reason: str, status: Status = Status.STALLEDPKT) -> Reply:
        self._state, self._status = State.ERROR, status
        return stalled(reason)

    def _refuse_step(self, setup: SetupPacket, _data: bytes, _now: int, _cell: Cell) -> Reply:
        return self._refuse(self._not_allowed(setup))

    def _stall(self, setup: SetupPacket, _data: bytes, _now: int, _cell: Cell) -> Reply:
        return stalled(self._not_allowed(setup))

    def _not_allowed(self, setup: SetupPacket) -> str:
        return f"{Request(setup.bRequest).name} is not allowed in {self._state.label}"

    def _acknowledge(self, _setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        self._state = cell.after
        return ACKNOWLEDGED

    def _clear(self, _setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        self._state, self._status = cell.after, Status.OK
        return ACKNOWLEDGED

    def _confuse(self, _setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        self._state, self._status = cell.after, Status.UNKNOWN
        return ACKNOWLEDGED

    def _tell_state(self, setup: SetupPacket, _data: bytes, _now: int, _cell: Cell) -> Reply:
        return Reply(bytes((self._state,))[: setup.wLength])

    def _report(self, setup: SetupPacket, _data: bytes, _now: int, _cell: Cell) -> Reply:
        return self._tell_status(self._idle_timeout, setup.wLength)

    def _tell_status(self, timeout: int, length: int) -> Reply:
        reply = _status_reply(self._status, timeout, self._state)
        return reply if length >= _STATUS_SIZE else Reply(reply.data and reply.data[:length])

    def _accept(self, setup: SetupPacket, data: bytes, _now: int, cell: Cell) -> Reply:
        if problem := self._block_problem(setup):
            return self._refuse(problem)
        self._pending = (setup.wValue, data)
        self._state = cell.after
        return ACKNOWLEDGED

    def _send(self, setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        block, length = setup.wValue, setup.wLength
        if problem := self._block_problem(setup):
            return self._refuse(problem)
        if block == _COMMAND_BLOCK:
            found = self._commands[:length]
        else:
            try:
                found = self._worker.read(block, length, self._block_size(length))
            except MemoryFault as fault:
                return self._refuse(fault.status.meaning, fault.status)
        self._state = cell.after if len(found) == length else _otherwise(cell)
        return Reply(found)

    def _block_problem(self, setup: SetupPacket) -> str:
        if setup.wLength > self._transfer_size:
            return f"wLength {setup.wLength} is above wTransferSize {self._transfer_size}"
        if not setup.wLength:
            return "wLength is 0"
        return "wBlockNum 1 is reserved" if setup.wValue == _RESERVED_BLOCK else ""

    def _block_size(self, length: int) -> int:
        return self._transfer_size if self._fixed_blocks else length

    def _start(self, setup: SetupPacket, _data: bytes, now: int, cell: Cell) -> Reply:
        block, data = self._pending
        width = self.chip.width  # before the job: a new voltage range counts from the next one on
        job = self._worker.run(block, data, self._block_size(len(data)))
        works = job.outcome is Status.OK and not job.ignored
        duration = self._timing.duration(job.work, width) if works else 0
        timeout = self._timing.poll_timeout(job.work.kind)
        self._job = job
        self._state = cell.after
        reply = self._tell_status(timeout, setup.wLength)
        if job.reset is not None:
            return Reply(reply.data, departure=self._depart(job.reset, duration), job=job)
        # A host may have left dfuDNBUSY by CLRSTATUS: the flash still ends what it is at.
        self._done_at = max(now, self._done_at) + duration
        self._ready_at = now + timeout * 1000
        hold = 0
        if self._rules.busy is BusyModel.BLOCK and not self._is_wedged(job):
            self.silent_until = self._done_at if self._done_at > now else 0
            hold = duration if self._rules.held_at is HeldAt.START else 0
        return Reply(reply.data, hold, job=job)

    def _finish(self, setup: SetupPacket, _data: bytes, now: int, cell: Cell) -> Reply:
        job = self._job
        assert job is not None  # noqa: S101 - dfuDNBUSY is only reached through _start
        if self._rules.busy is BusyModel.STALL and now < self._ready_at:
            return stalled("bwPollTimeout is not up yet")
        if now < self._done_at or self._is_wedged(job):
            timeout = self._timing.poll_timeout(job.work.kind)
            return self._tell_status(timeout, setup.wLength)
        self._status = job.outcome
        self._state = cell.after if job.outcome is Status.OK else _otherwise(cell)
        return self._report(setup, b"", now, cell)

    def _is_wedged(self, job: Job) -> bool:
        wedge_from = self._rules.wedge_from
        return wedge_from is not None and job.work.kind is WorkKind.ERASE and job.address >= wedge_from

    def _manifest(self, setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        self._state = cell.after
        reply = self._tell_status(self._timing.poll_timeout(WorkKind.MANIFEST), setup.wLength)
        return reply._replace(departure=self._depart(Reason.LEAVE, 0))

    def _reenumerate(self, _setup: SetupPacket, _data: bytes, _now: int, cell: Cell) -> Reply:
        self._state, self._status = cell.after, Status.OK
        return Reply(b"", 0, Departure(Reason.DETACH, self._timing.connect_delay()))

    def _depart(self, reason: Reason, duration: int) -> Departure:
        """Leave the bus by a jump to the application or a reset; only a bootloader comes back."""
        application_runs = reason is Reason.LEAVE and self.chip.is_executable(self._worker.pointer)
        self._runs = False
        if application_runs or not self.chip.boots_into_rom():
            return Departure(reason, None, application_runs)
        return Departure(reason, duration + self._timing.connect_delay())


@lru_cache(maxsize=256)
def _status_reply(status: Status, timeout: int, state: State) -> Reply:
    """The answer to GETSTATUS: there are few, and hosts ask again and again."""
    return Reply(StatusReply(status, timeout, state).build())


def _explain_mismatch(setup: SetupPacket) -> str:
    expected = _REQUEST_TYPES.get(setup.bRequest)
    if expected is None:
        return f"DFU has no request {setup.bRequest:#04x}"
    name = Request(setup.bRequest).name
    return f"bmRequestType is {setup.bmRequestType:#04x}, {name} has {expected:#04x}"


def _otherwise(cell: Cell) -> State:
    assert cell.otherwise is not None  # noqa: S101 - the table gives it for these actions
    return cell.otherwise
