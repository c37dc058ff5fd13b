"""What happens at a port, in words: one line for each control transfer, arrival and departure."""

from enum import Enum, auto

from dfu_emulator.bootloader import NEVER, Departure, Job
from dfu_emulator.port import Attached, BusReset, Detached, GivenUp, Occurrence, Transfer
from dfu_protocol import (
    FIRST_DATA_BLOCK,
    Erase,
    GetCommands,
    MassErase,
    ProtocolError,
    ReadUnprotect,
    Request,
    SetAddress,
    SetupPacket,
    StandardRequest,
    State,
    Status,
    StatusReply,
    Unknown,
    parse_command,
)
from dfu_protocol.control import CLASS, STANDARD


class Part(Enum):
    """What a part of a line is about: it is what it gets its colour by."""

    BUS = auto()
    """The device comes or leaves, the host resets the bus."""
    STANDARD = auto()
    """A request of chapter 9."""
    REQUEST = auto()
    DETAIL = auto()
    STATES = auto()
    TROUBLE = auto()
    EFFECT = auto()
    """What a job has changed in the chip's memories."""


Parts = list[tuple[Part, str]]
"""One line."""

_STANDARD_REQUESTS = frozenset(StandardRequest)


def is_dfu(setup: SetupPacket) -> bool:
    """True for a request to the bootloader, as against one of chapter 9."""
    return setup.type == CLASS


def describe(occurrence: Occurrence) -> str:
    """One line about an occurrence."""
    return "".join(text for _part, text in parts(occurrence))


def parts(occurrence: Occurrence) -> Parts:
    """The line about an occurrence, part by part."""
    match occurrence:
        case Attached():
            return [(Part.BUS, "the device is on the bus")]
        case Detached(departure=departure):
            return [(Part.BUS, f"the device leaves the bus: {describe_departure(departure)}")]
        case BusReset():
            return [(Part.BUS, "the host resets the bus")]
        case GivenUp():
            return _given_up_parts(occurrence)
        case Transfer(setup=setup) if is_dfu(setup):
            return _dfu_parts(occurrence)
        case _:
            return _standard_parts(occurrence)


def _given_up_parts(given_up: GivenUp) -> Parts:
    waited = (given_up.at - given_up.sent) / 1_000_000
    unseen = "" if given_up.reached else "; it has not reached the chip"
    return [
        (Part.REQUEST, f"{request_name(given_up.setup):<13} "),
        (Part.TROUBLE, f"the host gives up after {waited:g} s{unseen}"),
    ]


def request_name(setup: SetupPacket) -> str:
    """The standards' name of a request, or its number."""
    number = setup.bRequest
    if is_dfu(setup) and number <= Request.ABORT:
        return Request(number).label
    if setup.type == STANDARD and number in _STANDARD_REQUESTS:
        return StandardRequest(number).name
    return _unnamed(setup)


def _unnamed(setup: SetupPacket) -> str:
    return f"request {setup.bRequest:#04x}"


def describe_departure(departure: Departure) -> str:
    """Why the device leaves, and whether it comes back."""
    reason = departure.reason.value
    if departure.application_runs:
        return f"{reason}; the application runs"
    if departure.returns_after is None:
        return f"{reason}; the bootloader does not come back"
    return f"{reason}; back in {departure.returns_after / 1_000_000:g} s"


def _dfu_parts(transfer: Transfer) -> Parts:
    found = [
        (Part.REQUEST, f"{request_name(transfer.setup):<13} "),
        (Part.DETAIL, f"{_details(transfer):<44} "),
        *_state_parts(transfer),
    ]
    if transfer.reply.job is not None:
        found += _job_parts(transfer.reply.job)
    return found + _fault_parts(transfer)


def _fault_parts(transfer: Transfer) -> Parts:
    fault = transfer.reply.fault
    return [(Part.TROUBLE, f"; scenario: {fault}")] if fault else []


def _job_parts(job: Job) -> Parts:
    found = [
        (Part.EFFECT, f"; {action}s {length} bytes at 0x{address:08X}")
        for action, address, length in job.effects
    ]
    if job.outcome is not Status.OK:
        found.append((Part.TROUBLE, f"; the job fails: {job.outcome.label}"))
    if job.ignored:
        found.append((Part.TROUBLE, "; the job is ignored"))
    return found


def _details(transfer: Transfer) -> str:
    setup = transfer.setup
    held = _held(transfer)
    match setup.bRequest:
        case Request.DNLOAD:
            return describe_download(setup.wValue, transfer.data, transfer.address) + held
        case Request.UPLOAD:
            count = f"{_count(transfer)} of {setup.wLength} bytes"
            return f"block {setup.wValue}, {count}{_place(transfer.address)}{held}"
        case Request.GETSTATUS if transfer.reply.data is not None:
            return _describe_status(transfer.reply.data) + held
        case _:
            return held.removeprefix(", ")


def _held(transfer: Transfer) -> str:
    hold = transfer.reply.hold
    if hold >= NEVER:
        return ", never answered"
    return f", held for {hold / 1_000_000:g} s" if hold else ""


def _place(address: int | None) -> str:
    return "" if address is None else f" at 0x{address:08X}"


def _count(transfer: Transfer) -> int:
    return len(transfer.reply.data or b"")


def _describe_status(data: bytes) -> str:
    try:
        status = StatusReply.parse(data)
    except ProtocolError:
        return f"{len(data)} bytes"
    return f"{status.bStatus.label}, {status.bState.label}, bwPollTimeout {status.bwPollTimeout} ms"


def describe_download(block: int, data: bytes, address: int | None = None) -> str:
    """What a DNLOAD asks for; ``address`` is where a data block goes, if that is known."""
    if not data:
        return f"block {block}, no data: leave"
    if block >= FIRST_DATA_BLOCK:
        return f"block {block}, {len(data)} bytes{_place(address)}"
    if block:
        return f"block {block} is reserved"
    match parse_command(data):
        case GetCommands():
            return "Get"
        case SetAddress(address):
            return f"Set Address Pointer 0x{address:08X}"
        case Erase(address):
            return f"Erase 0x{address:08X}"
        case MassErase():
            return "Mass Erase"
        case ReadUnprotect():
            return "Read Unprotect"
        case Unknown(data):
            return f"unknown command {data[:8].hex(' ')}{'...' if len(data) > 8 else ''}"


def _state_parts(transfer: Transfer) -> Parts:
    states = transfer.after.label
    if transfer.before is not transfer.after:
        states = f"{transfer.before.label} -> {states}"
    status = transfer.status
    if transfer.reply.data is None:
        return [(Part.TROUBLE, f"STALL {states} ({status.label}): {transfer.reply.reason}")]
    if transfer.after is State.ERROR:
        return [(Part.STATES, states), (Part.TROUBLE, f" ({status.label}: {status.meaning})")]
    return [(Part.STATES, states)]


def _standard_parts(transfer: Transfer) -> Parts:
    setup, reply = transfer.setup, transfer.reply
    name = request_name(setup)
    if name == _unnamed(setup):
        name = f"bmRequestType {setup.bmRequestType:#04x}, bRequest {setup.bRequest:#04x}"
    request = f"{name} wValue {setup.wValue:#06x}, wIndex {setup.wIndex}, wLength {setup.wLength}: "
    if reply.data is None:
        return [(Part.STANDARD, request), (Part.TROUBLE, f"STALL: {reply.reason}{_held(transfer)}")]
    return [(Part.STANDARD, f"{request}{len(transfer.data)} bytes{_held(transfer)}"), *_fault_parts(transfer)]
