"""The emulator's own ``--trace-json`` files, whose keys are in ``docs/trace.md``."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from dfu_emulator.replay.packet import CaptureError
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_protocol import SetupPacket, StandardRequest
from dfu_protocol.descriptors import DescriptorType

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
    configuration_descriptor: str = ""
    setup: _Setup | None = None
    data: str = ""
    result: Literal["ok", "stall", "no answer"] = "ok"
    held: float = 0.0


def is_json_trace(content: bytes) -> bool:
    """Whether a file begins as a trace: with an object."""
    return content.lstrip()[:1] == b"{"


def steps(content: bytes) -> Iterator[Step]:
    """What a file that ``is_json_trace`` tells; a chip's number counts as its bus. Raises CaptureError.

    The descriptors that it has of a chip that comes are told as if a host had asked for them then, as in
    ``--pcap``.
    """
    addresses: dict[int, int] = {}
    decoder = msgspec.json.Decoder(_Line)
    for number, text in enumerate(content.splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
            found = list(_steps(number, line, addresses))
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError) as error:
            raise CaptureError(f"line {number} is no line of a trace: {error}") from None
        yield from found


def _steps(number: int, line: _Line, addresses: dict[int, int]) -> Iterator[Step]:
    at = round(line.time * 1_000_000)
    match line.event:
        case "attached":
            addresses[line.chip] = line.address_on_bus
            device = bytes.fromhex(line.device_descriptor)
            configuration = bytes.fromhex(line.configuration_descriptor)
            arrival = Arrival(number, at, line.chip, line.address_on_bus, device)
            yield arrival
            yield from _asked_for(arrival, DescriptorType.DEVICE, device)
            yield from _asked_for(arrival, DescriptorType.CONFIGURATION, configuration)
        case "bus reset":
            yield Reset(number, at, line.chip, addresses.get(line.chip, 0))
        case "transfer" if line.setup is not None:
            setup = SetupPacket(*msgspec.structs.astuple(line.setup))
            setup.build()
            outcome = _OUTCOMES[line.result]
            took = None if outcome is Outcome.NO_ANSWER else round(line.held * 1_000_000)
            address, data = addresses.get(line.chip, 0), bytes.fromhex(line.data)
            yield ControlTransfer(number, at, line.chip, address, setup, data, outcome, took)


def _asked_for(arrival: Arrival, kind: DescriptorType, descriptor: bytes) -> Iterator[Step]:
    if descriptor:
        setup = SetupPacket(0x80, StandardRequest.GET_DESCRIPTOR, kind << 8, 0, len(descriptor))
        number, at, place = arrival.number, arrival.at, arrival.place
        yield ControlTransfer(number, at, *place, setup, descriptor, Outcome.ANSWERED, 0)
