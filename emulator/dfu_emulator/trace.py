"""What happens at a port, in words: one line for each control transfer, arrival and departure."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dfu_emulator.bootloader import NEVER, Departure
from dfu_emulator.port import Attached, BusReset, Detached, Occurrence, Transfer
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
    StatusReply,
    Unknown,
    parse_command,
)
from dfu_protocol.control import CLASS, STANDARD


class TraceError(Exception):
    """A file that a trace cannot go to; the message names it."""


@contextlib.contextmanager
def trace_stream(name: str) -> Iterator[TextIO]:
    """Where ``--trace`` writes: the file called ``name``, or the standard error for ``-``."""
    if name == "-":
        yield sys.stderr
        return
    try:
        stream = Path(name).open("w", encoding="utf-8")  # noqa: SIM115 - closed below, full disk or not
    except OSError as error:
        raise TraceError(f"{name}: cannot be opened for the trace: {error.strerror}") from None
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError):
            stream.close()


class TraceWriter:
    """Watches a port, or several, and writes a line for each occurrence to ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start: int | None = None

    def __call__(self, occurrence: Occurrence, prefix: str = "") -> None:
        if self._start is None:
            self._start = occurrence.at
        seconds = (occurrence.at - self._start) / 1_000_000
        # A full disk must not take the device away from its host.
        with contextlib.suppress(OSError):
            print(f"{prefix}{seconds:10.6f}  {describe(occurrence)}", file=self._stream, flush=True)


def is_dfu(setup: SetupPacket) -> bool:
    """True for a request to the bootloader, as against one of chapter 9."""
    return setup.type == CLASS


def describe(occurrence: Occurrence) -> str:
    """One line about an occurrence."""
    match occurrence:
        case Attached():
            return "the device is on the bus"
        case Detached(departure=departure):
            return f"the device leaves the bus: {_describe_departure(departure)}"
        case BusReset():
            return "the host resets the bus"
        case Transfer(setup=setup) if is_dfu(setup):
            return _describe_dfu(occurrence)
        case _:
            return _describe_standard(occurrence)


def _describe_departure(departure: Departure) -> str:
    reason = departure.reason.value
    if departure.application_runs:
        return f"{reason}; the application runs"
    if departure.returns_after is None:
        return f"{reason}; the bootloader does not come back"
    return f"{reason}; back in {departure.returns_after / 1_000_000:g} s"


def _describe_dfu(transfer: Transfer) -> str:
    request = transfer.setup.bRequest
    name = Request(request).label if request <= Request.ABORT else f"request {request:#04x}"
    return f"{name:<13} {_details(transfer):<44} {_states(transfer)}".rstrip()


def _details(transfer: Transfer) -> str:
    setup = transfer.setup
    held = _held(transfer)
    match setup.bRequest:
        case Request.DNLOAD:
            return _describe_download(transfer) + held
        case Request.UPLOAD:
            return f"block {setup.wValue}, {_count(transfer)} of {setup.wLength} bytes{held}"
        case Request.GETSTATUS if transfer.reply.data is not None:
            return _describe_status(transfer.reply.data) + held
        case _:
            return held.removeprefix(", ")


def _held(transfer: Transfer) -> str:
    hold = transfer.reply.hold
    if hold >= NEVER:
        return ", never answered"
    return f", held for {hold / 1_000_000:g} s" if hold else ""


def _count(transfer: Transfer) -> int:
    return len(transfer.reply.data or b"")


def _describe_status(data: bytes) -> str:
    try:
        status = StatusReply.parse(data)
    except ProtocolError:
        return f"{len(data)} bytes"
    return f"{status.bStatus.label}, {status.bState.label}, bwPollTimeout {status.bwPollTimeout} ms"


def _describe_download(transfer: Transfer) -> str:
    block, data = transfer.setup.wValue, transfer.data
    if not data:
        return f"block {block}, no data: leave"
    if block >= FIRST_DATA_BLOCK:
        return f"block {block}, {len(data)} bytes"
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


def _states(transfer: Transfer) -> str:
    states = transfer.after.label
    if transfer.before is not transfer.after:
        states = f"{transfer.before.label} -> {states}"
    if transfer.reply.data is None:
        return f"STALL {states} ({transfer.status.label}): {transfer.reply.reason}"
    if transfer.after is State.ERROR:
        return f"{states} ({transfer.status.label}: {transfer.status.meaning})"
    return states


def _describe_standard(transfer: Transfer) -> str:
    setup = transfer.setup
    try:
        name = StandardRequest(setup.bRequest).name if setup.type == STANDARD else ""
    except ValueError:
        name = ""
    name = name or f"bmRequestType {setup.bmRequestType:#04x}, bRequest {setup.bRequest:#04x}"
    reply = transfer.reply
    result = f"STALL: {reply.reason}" if reply.data is None else f"{len(transfer.data)} bytes"
    request = f"{name} wValue {setup.wValue:#06x}, wIndex {setup.wIndex}, wLength {setup.wLength}"
    return f"{request}: {result}{_held(transfer)}"
