"""Requests that are malformed, or come in a state that does not take them."""

from dfu_emulator.advice.history import History, request_of
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.port import Transfer
from dfu_emulator.profile.model import AbortInError
from dfu_protocol import Request, SetupPacket, State
from dfu_protocol.control import STATUS_REPLY


def _is_refused(transfer: Transfer, request: Request, state: State) -> bool:
    return request_of(transfer) is request and transfer.before is state and transfer.reply.data is None


def _upload_in_dnload_idle(transfer: Transfer, _history: History) -> Facts | None:
    if _is_refused(transfer, Request.UPLOAD, State.DNLOAD_IDLE):
        return {"block": transfer.setup.wValue}
    return None


def _dnload_in_upload_idle(transfer: Transfer, _history: History) -> Facts | None:
    if _is_refused(transfer, Request.DNLOAD, State.UPLOAD_IDLE):
        return {"block": transfer.setup.wValue}
    return None


def _wrong_direction(transfer: Transfer, _history: History) -> Facts | None:
    setup = transfer.setup
    if setup.bRequest > Request.ABORT:
        return None
    request = Request(setup.bRequest)
    right = SetupPacket.dfu(request).bmRequestType
    if setup.bmRequestType == right:
        return None
    return {
        "request": request.name,
        "sent": f"0x{setup.bmRequestType:02X}",
        "right": f"0x{right:02X}",
    }


def _long_block(transfer: Transfer, history: History) -> Facts | None:
    request, length = request_of(transfer), transfer.setup.wLength
    if request not in (Request.UPLOAD, Request.DNLOAD) or length <= history.transfer_size:
        return None
    return {"request": request.name, "length": length, "size": history.transfer_size}


def _reserved_block(transfer: Transfer, _history: History) -> Facts | None:
    request = request_of(transfer)
    if request not in (Request.UPLOAD, Request.DNLOAD) or transfer.setup.wValue != 1:
        return None
    if transfer.reply.data is not None:
        return None
    return {"request": request.name}


def _short_status(transfer: Transfer, _history: History) -> Facts | None:
    length = transfer.setup.wLength
    if request_of(transfer) is not Request.GETSTATUS or length >= STATUS_REPLY.size:
        return None
    return {"length": length, "size": STATUS_REPLY.size}


_ASKS_OR_CLEARS = (Request.GETSTATUS, Request.GETSTATE, Request.CLRSTATUS)


def _ignores_error(transfer: Transfer, history: History) -> Facts | None:
    request = request_of(transfer)
    if transfer.before is not State.ERROR or request is None or request in _ASKS_OR_CLEARS:
        return None
    if request is Request.ABORT and history.profile.bootloader.abort_in_error is AbortInError.IDLE:
        return None
    return {"request": request.name}


REQUESTS = (
    Rule(
        name="wrong-direction",
        title="{request} was sent with bmRequestType {sent}, it has {right}",
        why=(
            "The top bit of bmRequestType says which way data go, and the chip stalls a request whose bit is "
            "wrong; editions of AN3156 print 0x21 for GETSTATUS and GETSTATE, which is an error in the note"
        ),
        source="DFU 1.1, table 3.2; ST's staff on the forum, 'STM32 DFU protocol DFU_UPLOAD problem'",
        cure="Send {request} with bmRequestType {right}",
        in_transfer=_wrong_direction,
    ),
    Rule(
        name="upload-in-dnload-idle",
        title="UPLOAD of block {block} was stalled in dfuDNLOAD-IDLE",
        why=(
            "Set Address Pointer is a DNLOAD, so like a write or an erase it leaves the chip in "
            "dfuDNLOAD-IDLE, where UPLOAD is not allowed"
        ),
        source="DFU 1.1, appendix A; AN3156 on DFU_UPLOAD",
        cure="Send DFU_ABORT first, which leads to dfuIDLE, then UPLOAD",
        in_transfer=_upload_in_dnload_idle,
        quirks=("CLRSTATUS twice", "CLRSTATUS ignored", "CLRSTATUS stalls"),
    ),
    Rule(
        name="dnload-in-upload-idle",
        title="DNLOAD of block {block} was stalled in dfuUPLOAD-IDLE",
        why="An UPLOAD goes on until a short block or an ABORT ends it, and until then DNLOAD is not allowed",
        source="DFU 1.1, appendix A; AN3156 on DFU_DNLOAD",
        cure="Send DFU_ABORT first, which leads to dfuIDLE, then DNLOAD",
        in_transfer=_dnload_in_upload_idle,
    ),
    Rule(
        name="long-block",
        title="{request} asked for {length} bytes in one block, the chip takes {size}",
        why="wTransferSize is the largest wLength of a DNLOAD or UPLOAD, and the chip stalls a longer one",
        source="DFU 1.1, table 4.2; AN3156",
        cure=(
            "Read wTransferSize from the DFU functional descriptor, {size} on this chip, and send no block "
            "that is longer"
        ),
        in_transfer=_long_block,
    ),
    Rule(
        name="reserved-block",
        title="{request} with wBlockNum 1 was stalled",
        why="Block 0 carries commands, 1 is reserved, and data begin at 2",
        source="AN3156 on DFU_DNLOAD and DFU_UPLOAD",
        cure="Number the blocks of data from 2 on",
        in_transfer=_reserved_block,
    ),
    Rule(
        name="short-getstatus",
        title="GETSTATUS was sent with wLength {length}, its answer has {size} bytes",
        why=(
            "The chip starts the job or ends it as with a whole GETSTATUS, but the rest of the answer is "
            "lost: bStatus is byte 0, bwPollTimeout 1 to 3, bState 4"
        ),
        source="DFU 1.1, section 6.1.2; AN3156",
        cure="Send GETSTATUS with wLength {size}",
        in_transfer=_short_status,
    ),
    Rule(
        name="ignored-error",
        title="{request} was sent in dfuERROR",
        why="In dfuERROR the chip stalls all but GETSTATUS, GETSTATE and CLRSTATUS, so nothing gets done",
        source="DFU 1.1, appendix A; AN3156 on DFU_CLRSTATUS",
        cure="Look at bState of each GETSTATUS, and in dfuERROR report bStatus and send CLRSTATUS",
        in_transfer=_ignores_error,
        quirks=("starts in dfuERROR", "ABORT clears errors"),
    ),
)
"""Rules about single requests."""
