"""The requests of DFU 1.1 (table 3.2) as operations: one control transfer each, its answer parsed."""

from dfu_host.errors import GarbledError
from dfu_host.steps import Control, Operation
from dfu_protocol import ProtocolError, Request, SetupPacket, State, StatusReply

REQUEST_TIMEOUT = 5.0
"""Seconds for a request that the device answers at once."""

_STATUS_SIZE, _STATE_SIZE = 6, 1


def download(interface: int, block: int, data: bytes) -> Operation[None]:
    """DFU_DNLOAD: ``data`` has up to wTransferSize bytes."""
    yield _control(interface, Request.DNLOAD, block, data)


def upload(interface: int, block: int, length: int) -> Operation[bytes]:
    """DFU_UPLOAD: up to ``length`` bytes."""
    return (yield _control(interface, Request.UPLOAD, block, length=length))


def get_status(interface: int, timeout: float = REQUEST_TIMEOUT) -> Operation[StatusReply]:
    """DFU_GETSTATUS. Some devices hold the answer back until a job is done: ``timeout`` in seconds."""
    data = yield _control(interface, Request.GETSTATUS, length=_STATUS_SIZE, timeout=timeout)
    try:
        return StatusReply.parse(data)
    except ProtocolError as error:
        raise GarbledError(f"the device does not speak DFU: {error}") from None


def get_state(interface: int) -> Operation[State]:
    """DFU_GETSTATE: the one request that never changes the state."""
    data = yield _control(interface, Request.GETSTATE, length=_STATE_SIZE)
    try:
        return State(data[0])
    except (IndexError, ValueError):
        raise GarbledError(
            f"DFU_GETSTATE answered {data.hex() or 'nothing'}, which is no DFU state"
        ) from None


def clear_status(interface: int) -> Operation[None]:
    """DFU_CLRSTATUS."""
    yield _control(interface, Request.CLRSTATUS)


def abort(interface: int) -> Operation[None]:
    """DFU_ABORT."""
    yield _control(interface, Request.ABORT)


def _control(
    interface: int,
    request: Request,
    value: int = 0,
    data: bytes = b"",
    *,
    length: int = 0,
    timeout: float = REQUEST_TIMEOUT,
) -> Control:
    return Control(SetupPacket.dfu(request, value, length or len(data), interface), data, timeout)
