"""The emulator's own ``--trace-json`` files, whose keys are in ``docs/trace.md``."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from dfu_emulator.replay.packet import CaptureError
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_protocol import SetupPacket

_OUTCOMES = {"ok": Outcome.ANSWERED, "stall": Outcome.STALL, "no answer": Outcome.NO_ANSWER}


class _Setup(msgspec.Struct):
    bmRequestType: int
    bRequest: int
    wValue: int
    wIndex: int
    wLength: int


class _Line(msgspec.Struct):
    """What of a line matters here."""

    time: float
    event: Literal["transfer", "attached", "detached", "bus reset", "given up"]
    chip: int = 1
    address_on_bus: int = 0
    device_descriptor: str = ""
    setup: _Setup | None = None
    data: str = ""
    result: Literal["ok", "stall", "no answer"] = "ok"
    held: float = 0.0


def is_json_trace(content: bytes) -> bool:
    """Whether a file begins as a trace: with an object."""
    return content.lstrip()[:1] == b"{"


def steps(content: bytes) -> Iterator[Step]:
    """What a file that ``is_json_trace`` tells; a chip's number counts as its bus. Raises CaptureError."""
    addresses: dict[int, int] = {}
    decoder = msgspec.json.Decoder(_Line)
    for number, text in enumerate(content.splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
            step = _step(number, line, addresses)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError) as error:
            raise CaptureError(f"line {number} is no line of a trace: {error}") from None
        if step is not None:
            yield step


def _step(number: int, line: _Line, addresses: dict[int, int]) -> Step | None:
    at = round(line.time * 1_000_000)
    match line.event:
        case "attached":
            addresses[line.chip] = line.address_on_bus
            descriptor = bytes.fromhex(line.device_descriptor)
            return Arrival(number, at, line.chip, line.address_on_bus, descriptor)
        case "bus reset":
            return Reset(number, at, line.chip, addresses.get(line.chip, 0))
        case "transfer" if line.setup is not None:
            setup = SetupPacket(*msgspec.structs.astuple(line.setup))
            setup.build()
            outcome = _OUTCOMES[line.result]
            took = None if outcome is Outcome.NO_ANSWER else round(line.held * 1_000_000)
            address, data = addresses.get(line.chip, 0), bytes.fromhex(line.data)
            return ControlTransfer(number, at, line.chip, address, setup, data, outcome, took)
        case _:
            return None
