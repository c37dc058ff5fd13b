"""``--trace-json``: one JSON object a line for each occurrence. The keys are in ``docs/trace.md``."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dfu_emulator.bootloader import NEVER, Departure, Job
from dfu_emulator.port import Attached, BusReset, Detached, GivenUp, Occurrence, Transfer
from dfu_emulator.trace.describe import is_dfu, request_name
from dfu_emulator.trace.output import Output
from dfu_protocol import (
    Erase,
    GetCommands,
    MassErase,
    ProtocolError,
    ReadUnprotect,
    Request,
    SetAddress,
    StatusReply,
    parse_command,
)

_TYPES = ("standard", "class", "vendor", "reserved")
_RECIPIENTS = ("device", "interface", "endpoint", "other")
_COMMAND_BLOCK = 0
_COMMANDS = {
    GetCommands: "get",
    SetAddress: "set address pointer",
    Erase: "erase",
    MassErase: "mass erase",
    ReadUnprotect: "read unprotect",
}


class JsonWriter:
    """Watches a port, or several, and writes a line for each occurrence to ``output``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._start: int | None = None

    def __call__(self, occurrence: Occurrence, chip: int = 1) -> None:
        if self._start is None:
            self._start = occurrence.at
        seconds = (occurrence.at - self._start) / 1_000_000
        line = {"time": seconds, "chip": chip, **as_object(occurrence)}
        self._output.write(msgspec.json.encode(line) + b"\n")


def as_object(occurrence: Occurrence) -> dict[str, Any]:
    """What the trace has of an occurrence, but for the time and the chip."""
    match occurrence:
        case Attached():
            device = occurrence.device
            return {
                "event": "attached",
                "address_on_bus": occurrence.address,
                "profile": device.profile.name,
                "serial": device.serial,
                "device_descriptor": device.device_descriptor.hex(),
                "configuration_descriptor": device.configuration_descriptor.hex(),
            }
        case Detached():
            return {"event": "detached", "departure": _departure(occurrence.departure)}
        case BusReset():
            return {"event": "bus reset"}
        case GivenUp(setup=setup):
            return {
                "event": "given up",
                "setup": setup._asdict(),
                "request": request_name(setup),
                "waited": (occurrence.at - occurrence.sent) / 1_000_000,
                "reached": occurrence.reached,
            }
        case Transfer():
            return _transfer(occurrence)


def _transfer(transfer: Transfer) -> dict[str, Any]:
    setup, reply = transfer.setup, transfer.reply
    found: dict[str, Any] = {
        "event": "transfer",
        "setup": setup._asdict(),
        "direction": "in" if setup.is_in else "out",
        "type": _TYPES[setup.type],
        "recipient": _RECIPIENTS[min(setup.recipient, len(_RECIPIENTS) - 1)],
        "request": request_name(setup),
        "data": transfer.data.hex(),
        "result": _result(transfer),
        "before": transfer.before.label,
        "after": transfer.after.label,
        "status": transfer.status.label,
        "address_pointer": transfer.pointer,
    }
    if reply.data is None:
        found["reason"] = reply.reason
    if 0 < reply.hold < NEVER:
        found["held"] = reply.hold / 1_000_000
    if is_dfu(setup):
        found |= _decoded(transfer)
    if reply.job is not None:
        found["job"] = _job(reply.job)
    if reply.fault:
        found["fault"] = reply.fault
    if reply.departure is not None:
        found["departure"] = _departure(reply.departure)
    return found


def _result(transfer: Transfer) -> str:
    if transfer.reply.data is None:
        return "stall"
    return "no answer" if transfer.reply.hold >= NEVER or transfer.reply.lost else "ok"


def _decoded(transfer: Transfer) -> Mapping[str, Any]:
    match transfer.setup.bRequest:
        case Request.DNLOAD:
            return _place(transfer) | _command(transfer)
        case Request.UPLOAD:
            return _place(transfer)
        case Request.GETSTATUS:
            return _status_reply(transfer.data)
        case _:
            return {}


def _place(transfer: Transfer) -> dict[str, Any]:
    place = {} if transfer.address is None else {"address": transfer.address}
    return {"block": transfer.setup.wValue, **place}


def _command(transfer: Transfer) -> dict[str, Any]:
    if not transfer.setup.wLength:
        return {"command": "leave"}
    if transfer.setup.wValue != _COMMAND_BLOCK:
        return {}
    command = parse_command(transfer.data)
    name = _COMMANDS.get(type(command), "unknown")
    address = {"address": command.address} if isinstance(command, SetAddress | Erase) else {}
    return {"command": name, **address}


def _status_reply(data: bytes) -> Mapping[str, Any]:
    try:
        reply = StatusReply.parse(data)
    except ProtocolError:
        return {}
    words = {"bStatus": reply.bStatus.label, "bState": reply.bState.label}
    return {"reply": reply._asdict() | words}


def _job(job: Job) -> Mapping[str, Any]:
    return {
        "address": job.address,
        "outcome": job.outcome.label,
        "ignored": job.ignored,
        "effects": [effect._asdict() for effect in job.effects],
    }


def _departure(departure: Departure) -> Mapping[str, Any]:
    returns = departure.returns_after
    return {
        "reason": departure.reason.value,
        "application_runs": departure.application_runs,
        "returns_after": None if returns is None else returns / 1_000_000,
    }
