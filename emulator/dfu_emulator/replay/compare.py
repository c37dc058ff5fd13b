"""One captured answer against the emulator's."""

from collections.abc import Iterator

from dfu_emulator.bootloader import NEVER, Reply
from dfu_emulator.replay.descriptors import compare_descriptors
from dfu_emulator.replay.finding import Finding, Situation
from dfu_emulator.replay.keys import (
    OF_FLASH,
    READ_PROTECTED,
    is_of_flash,
    keys_of_refusal,
    keys_of_state,
    keys_of_upload,
    of_the_chip,
)
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.words import in_hex, quantity, seconds
from dfu_emulator.timing import WorkKind
from dfu_emulator.trace import is_dfu
from dfu_protocol import FIRST_DATA_BLOCK, ProtocolError, Request, StandardRequest, State, StatusReply

PATIENCE = 5_000_000
"""Microseconds after which a host gives up, as dfu-util does."""
_NONE = "no answer"
_FEW = 16
"""Bytes that are shown of many."""


def compare(transfer: ControlTransfer, situation: Situation) -> list[Finding]:
    """What differs; nothing where a host would have noticed nothing."""
    reply = situation.reply
    if transfer.outcome in (Outcome.NO_ANSWER, Outcome.FAILED):
        return list(_unanswered(transfer, situation))
    if _gives_up(transfer, reply):
        after = "" if reply.hold >= NEVER else f" for {seconds(reply.hold)}"
        keys = _keys_of_silence(situation)
        return [Finding("answer", _answer(transfer), f"{_NONE}{after}", keys)]
    if (transfer.outcome is Outcome.STALL) is not (reply.data is None):
        keys = keys_of_refusal(transfer, situation)
        reason = READ_PROTECTED if "protection.read" in keys else ""
        return [Finding("answer", _answer(transfer), _our_answer(reply), keys, reason)]
    if reply.data is None or not transfer.setup.is_in or reply.data == transfer.data:
        return []
    return list(_data(transfer, reply.data, situation))


def _gives_up(transfer: ControlTransfer, reply: Reply) -> bool:
    """Whether the emulator keeps silent so long that a host gives up that did not on the chip."""
    return reply.hold >= NEVER or (reply.hold > PATIENCE and (transfer.took or 0) < PATIENCE)


def _unanswered(transfer: ControlTransfer, situation: Situation) -> Iterator[Finding]:
    reply = situation.reply
    if transfer.outcome is Outcome.FAILED:
        # A chip that leaves the bus may be faster than its answer.
        if reply.departure is None:
            yield Finding("answer", "none: the transfer failed", _our_answer(reply))
        return
    waited = PATIENCE if transfer.took is None else transfer.took
    if reply.hold < waited:
        keys = _keys_of_silence(situation)
        yield Finding("answer", f"{_NONE} for {seconds(waited)}", _our_answer(reply), keys)


def _keys_of_silence(situation: Situation) -> tuple[str, ...]:
    if situation.work is None:
        return ("usb.lone_functional",)
    return ("bootloader.busy", "bootloader.held_at", "timing.flash")


def _answer(transfer: ControlTransfer) -> str:
    if transfer.outcome is Outcome.STALL:
        return "STALL"
    return quantity(transfer.data) if transfer.setup.is_in else "OK"


def _our_answer(reply: Reply) -> str:
    held = f" after {seconds(reply.hold)}" if 0 < reply.hold < NEVER else ""
    if reply.data is None:
        return f"STALL{held} ({reply.reason})"
    return (quantity(reply.data) if reply.data else "OK") + held


def _data(transfer: ControlTransfer, data: bytes, situation: Situation) -> Iterator[Finding]:
    setup = transfer.setup
    if is_dfu(setup):
        match setup.bRequest:
            case Request.GETSTATUS:
                yield from _status(transfer.data, data, situation)
            case Request.GETSTATE:
                yield _state(transfer.data, data, situation)
            case _:
                yield from _upload(transfer, data, situation)
    elif setup.bRequest == StandardRequest.GET_DESCRIPTOR:
        yield from compare_descriptors(setup, transfer.data, data, situation.profile)
    else:
        of_device = setup.bRequest == StandardRequest.GET_STATUS and setup.bmRequestType == 0x80
        keys = ("usb.device_status", "usb.configuration.bmAttributes") if of_device else ()
        yield Finding("data", in_hex(transfer.data), in_hex(data), keys)


def _status(chip: bytes, emulator: bytes, situation: Situation) -> Iterator[Finding]:
    try:
        theirs, ours = StatusReply.parse(chip), StatusReply.parse(emulator)
    except ProtocolError:
        yield Finding("data", in_hex(chip), in_hex(emulator))
        return
    keys = keys_of_state(theirs, ours, situation)
    if theirs.bStatus is not ours.bStatus:
        reason = of_the_chip(theirs.bStatus, ours.bStatus, situation)
        yield Finding("bStatus", theirs.bStatus.label, ours.bStatus.label, keys, reason)
    if theirs.bState is not ours.bState:
        yield Finding("bState", theirs.bState.label, ours.bState.label, keys)
    elif theirs.bwPollTimeout != ours.bwPollTimeout:
        # In another state it is another field that is told.
        kind = _told(ours.bState, situation.work)
        key = f"timing.poll_timeout.{kind}"
        yield Finding("bwPollTimeout", f"{theirs.bwPollTimeout} ms", f"{ours.bwPollTimeout} ms", (key,))
    if theirs.iString != ours.iString:
        yield Finding("iString", str(theirs.iString), str(ours.iString))


def _told(state: State, work: WorkKind | None) -> str:
    """Which bwPollTimeout goes with a state."""
    if state is State.MANIFEST:
        return WorkKind.MANIFEST.value
    return work.value if state is State.DNBUSY and work is not None else "idle"


def _state(chip: bytes, emulator: bytes, situation: Situation) -> Finding:
    try:
        theirs, ours = (StatusReply.parse(bytes(4) + data + bytes(1)) for data in (chip, emulator))
    except ProtocolError:
        return Finding("data", in_hex(chip), in_hex(emulator))
    keys = keys_of_state(theirs, ours, situation)
    return Finding("state", theirs.bState.label, ours.bState.label, keys)


def _upload(transfer: ControlTransfer, data: bytes, situation: Situation) -> Iterator[Finding]:
    chip = transfer.data
    keys = keys_of_upload(transfer, situation)
    if transfer.setup.wValue < FIRST_DATA_BLOCK:
        yield Finding("commands", in_hex(chip), in_hex(data), keys)
        return
    if len(chip) != len(data):
        yield Finding("length", quantity(chip), quantity(data), keys)
    common = min(len(chip), len(data))
    differing = [offset for offset in range(common) if chip[offset] != data[offset]]
    if differing:
        first = differing[0]
        place = f"offset {first}" if situation.address is None else f"0x{situation.address + first:08X}"
        aspect = f"{len(differing)} of {common} bytes, from {place} on"
        part = slice(first, first + _FEW)
        reason = OF_FLASH if is_of_flash(situation) else ""
        yield Finding(aspect, chip[part].hex(" "), data[part].hex(" "), keys, reason, values_vary=True)
