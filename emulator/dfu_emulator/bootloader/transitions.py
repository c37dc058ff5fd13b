"""The transition table, as data: what each request does in each state.

The state diagram in the docs is drawn from it, the machine runs it. Sources: DFU 1.1 (figure A.1), AN3156,
AN2662. Cells that differ between ROMs come from the profile.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import NamedTuple, TypeAlias

from dfu_emulator.profile.model import AbortInError, Bootloader, ClrStatus, Detach
from dfu_protocol import State


class Event(IntEnum):
    """A request as the table knows it: by its number, and DNLOAD of no data apart."""

    DETACH = 0
    DNLOAD = 1
    UPLOAD = 2
    GETSTATUS = 3
    CLRSTATUS = 4
    GETSTATE = 5
    ABORT = 6
    DNLOAD_ZERO = 7


class Action(Enum):
    """What a cell does. The value says it in words."""

    REFUSE = "stall, errSTALLEDPKT"
    STALL = "stall"
    ACKNOWLEDGE = "OK"
    ACCEPT = "take the data"
    SEND = "send data; else less than wLength is left"
    REPORT = "tell the status"
    START = "start the job, tell dfuDNBUSY"
    FINISH = "tell the outcome of the job; else it failed"
    MANIFEST = "tell dfuMANIFEST, then leave the bus"
    TELL_STATE = "tell the state"
    CLEAR = "status OK"
    CONFUSE = "OK, but errUNKNOWN"
    REENUMERATE = "OK, then leave the bus and come back"
    SILENCE = "no answer: the bootloader does not run"


class Cell(NamedTuple):
    """What to do, and the state after it."""

    action: Action
    after: State
    otherwise: State | None = None
    """For the actions whose words have an "else": the state in that case."""


class Field(Enum):
    """A cell that the profile decides."""

    CLRSTATUS = "clrstatus"
    ABORT_IN_ERROR = "abort_in_error"
    DETACH = "detach"


Table: TypeAlias = Mapping[State, Mapping[Event, Cell]]

_REFUSE = Cell(Action.REFUSE, State.ERROR)
_ACCEPT = Cell(Action.ACCEPT, State.DNLOAD_SYNC)
_LEAVE = Cell(Action.ACKNOWLEDGE, State.MANIFEST_SYNC)
_SEND = Cell(Action.SEND, State.UPLOAD_IDLE, State.DFU_IDLE)
_START = Cell(Action.START, State.DNBUSY)
_FINISH = Cell(Action.FINISH, State.DNLOAD_IDLE, State.ERROR)
_MANIFEST = Cell(Action.MANIFEST, State.MANIFEST)
_CLEAR = Cell(Action.CLEAR, State.DFU_IDLE)
_TO_IDLE = Cell(Action.ACKNOWLEDGE, State.DFU_IDLE)

# An Action alone keeps the state; a Field is looked up in the profile.
_Entry: TypeAlias = Cell | Action | Field
_COLUMNS = (
    Event.DNLOAD,
    Event.DNLOAD_ZERO,
    Event.UPLOAD,
    Event.GETSTATUS,
    Event.CLRSTATUS,
    Event.ABORT,
)
_ROWS: dict[State, tuple[_Entry, ...]] = {
    State.DFU_IDLE: (_ACCEPT, _LEAVE, _SEND, Action.REPORT, Field.CLRSTATUS, Action.ACKNOWLEDGE),
    State.DNLOAD_SYNC: (_REFUSE, _REFUSE, _REFUSE, _START, Field.CLRSTATUS, _TO_IDLE),
    State.DNBUSY: (_REFUSE, _REFUSE, _REFUSE, _FINISH, Field.CLRSTATUS, _REFUSE),
    State.DNLOAD_IDLE: (_ACCEPT, _LEAVE, _REFUSE, Action.REPORT, Field.CLRSTATUS, _TO_IDLE),
    State.MANIFEST_SYNC: (_REFUSE, _REFUSE, _REFUSE, _MANIFEST, Field.CLRSTATUS, _TO_IDLE),
    State.UPLOAD_IDLE: (_REFUSE, _REFUSE, _SEND, Action.REPORT, Field.CLRSTATUS, _TO_IDLE),
    State.ERROR: (_REFUSE, _REFUSE, _REFUSE, Action.REPORT, _CLEAR, Field.ABORT_IN_ERROR),
}

_CLRSTATUS: dict[ClrStatus, Cell | Action] = {
    ClrStatus.ERROR: Cell(Action.CONFUSE, State.ERROR),
    ClrStatus.STALL: Action.STALL,
    ClrStatus.IGNORE: Action.ACKNOWLEDGE,
}
_ABORT_IN_ERROR: dict[AbortInError, Cell | Action] = {
    AbortInError.ERROR: _REFUSE,
    AbortInError.IDLE: _CLEAR,
}
_DETACH: dict[Detach, Cell | Action] = {
    Detach.REENUMERATE: Cell(Action.REENUMERATE, State.DFU_IDLE),
    Detach.STALL: _REFUSE,
}


def transition_table(rules: Bootloader) -> Table:
    """The table of a ROM with these rules: a cell for every state and event.

    In the states without a row the bootloader does not run: nothing answers.
    """
    chosen = {
        Field.CLRSTATUS: _CLRSTATUS[rules.clrstatus],
        Field.ABORT_IN_ERROR: _ABORT_IN_ERROR[rules.abort_in_error],
        Field.DETACH: _DETACH[rules.detach],
    }

    def resolve(entry: _Entry, state: State) -> Cell:
        known = chosen[entry] if isinstance(entry, Field) else entry
        return Cell(known, state) if isinstance(known, Action) else known

    table = {state: {event: Cell(Action.SILENCE, state) for event in Event} for state in State}
    for state, row in _ROWS.items():
        entries = dict(zip(_COLUMNS, row, strict=True))
        entries |= {Event.GETSTATE: Action.TELL_STATE, Event.DETACH: Field.DETACH}
        table[state] = {event: resolve(entry, state) for event, entry in entries.items()}
    return table
