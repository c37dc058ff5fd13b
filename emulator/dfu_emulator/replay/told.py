"""What an answer in a capture tells of the state that the chip is in after it."""

from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.trace import is_dfu
from dfu_protocol import ProtocolError, Request, State, Status, StatusReply

Told = tuple[State, Status]

_STABLE = (State.DFU_IDLE, State.DNLOAD_IDLE, State.UPLOAD_IDLE, State.ERROR)
"""In which nothing is under way that the state does not tell."""


def status_in(transfer: ControlTransfer) -> StatusReply | None:
    """What a GETSTATUS was answered; None for any other request, and for an answer that is none."""
    if not _is_answered(transfer, Request.GETSTATUS):
        return None
    try:
        return StatusReply.parse(transfer.data)
    except ProtocolError:
        return None


def told_by(transfer: ControlTransfer) -> Told | None:
    """State and status; None where they are not told, or something is under way."""
    if (reply := status_in(transfer)) is not None:
        return (reply.bState, reply.bStatus) if reply.bState in _STABLE else None
    if _is_answered(transfer, Request.GETSTATE):
        state = next((state for state in _STABLE if transfer.data == bytes((state,))), State.ERROR)
        return None if state is State.ERROR else (state, Status.OK)
    if _is_answered(transfer, Request.UPLOAD):
        is_whole = len(transfer.data) == transfer.setup.wLength
        return (State.UPLOAD_IDLE if is_whole else State.DFU_IDLE), Status.OK
    if _is_answered(transfer, Request.ABORT):
        return State.DFU_IDLE, Status.OK
    return None


def _is_answered(transfer: ControlTransfer, request: Request) -> bool:
    setup = transfer.setup
    return is_dfu(setup) and setup.bRequest == request and transfer.outcome is Outcome.ANSWERED
