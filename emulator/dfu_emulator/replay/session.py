"""Which device of a capture is the chip, and under which addresses: it gets a new one each time it comes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dfu_emulator.replay.capture import Capture
from dfu_emulator.replay.packet import CaptureError
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Step
from dfu_protocol import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    ProtocolError,
    Request,
    SetupPacket,
    StandardRequest,
)
from dfu_protocol.descriptors import DEVICE, DescriptorType, parse_string

Place = tuple[int, int]
"""Bus and address."""

_STATUS_REQUEST = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
_IDS = slice(8, 12)
"""idVendor and idProduct in a device descriptor."""
_DFU_INTERFACE = bytes((DFU_INTERFACE_CLASS, DFU_INTERFACE_SUBCLASS, DFU_INTERFACE_PROTOCOL))
_SERIAL_NUMBER = DescriptorType.STRING << 8 | 3
"""wValue of the request for it: all STM32 have it there."""


@dataclass(slots=True)
class _Device:
    """What the capture has of one address."""

    place: Place
    steps: list[Step] = field(default_factory=list)
    ids: bytes = b""
    dfu: bool = False
    """Whether it showed a DFU interface, or was asked for a DFU status."""

    @property
    def begin(self) -> int:
        return self.steps[0].number

    @property
    def end(self) -> int:
        return self.steps[-1].number


@dataclass(frozen=True, slots=True)
class Session:
    """What happened to one chip."""

    places: tuple[Place, ...]
    """Where it was, one after the other."""
    steps: Sequence[Step]
    """An Arrival stands before the steps of each place but the first, which may have one."""
    serial: str | None
    """What it told as its serial number."""
    farewells: frozenset[int]
    """The numbers of the transfers that failed because the chip was unplugged or the capture ended."""


def spell_place(place: Place) -> str:
    """As Linux and Wireshark write it."""
    bus, address = place
    return f"{bus}.{address}"


def find_session(capture: Capture, vendor: int, product: int, chosen: Place | None = None) -> Session:
    """The chip's part of ``capture``: the device with these ids, else the one with a DFU interface.

    ``chosen`` is where it is at first, if a user says so. Raises CaptureError where there is none, or
    several at a time.
    """
    devices = _devices(capture.steps)
    if chosen is not None:
        if chosen not in devices:
            listed = ", ".join(map(spell_place, devices)) or "none"
            raise CaptureError(f"there is no device {spell_place(chosen)} in it; there are: {listed}")
        first = devices[chosen]
    ids = vendor.to_bytes(2, "little") + product.to_bytes(2, "little")
    alike = [device for device in devices.values() if device.ids == ids or (device.dfu and not device.ids)]
    alike = alike or [device for device in devices.values() if device.dfu]
    if chosen is None:
        if not alike:
            raise CaptureError(f"no DFU device in it, neither {vendor:04x}:{product:04x} nor another")
        first = alike[0]
    followed = [first]
    for device in alike:
        if device.place[0] == first.place[0] and device.begin > followed[-1].end:
            followed.append(device)
    left = [device for device in alike if device not in followed]
    if chosen is None and left:
        listed = ", ".join(spell_place(device.place) for device in alike)
        raise CaptureError(f"several DFU devices in it: {listed}; choose the chip with --device")
    return _session(followed)


def _devices(steps: Iterable[Step]) -> dict[Place, _Device]:
    """All devices, in the order in which they first appear."""
    found: dict[Place, _Device] = {}
    for step in steps:
        device = found.setdefault(step.place, _Device(step.place))
        device.steps.append(step)
        if isinstance(step, Arrival):
            device.ids = device.ids or step.device_descriptor[_IDS]
        elif isinstance(step, ControlTransfer):
            device.dfu |= step.setup == _STATUS_REQUEST
            _look_at_descriptors(device, step)
    return found


def _look_at_descriptors(device: _Device, transfer: ControlTransfer) -> None:
    kind = _descriptor_kind(transfer)
    if kind == DescriptorType.DEVICE and len(transfer.data) == DEVICE.sizeof():
        device.ids = transfer.data[_IDS]
    elif kind == DescriptorType.CONFIGURATION:
        device.dfu |= _DFU_INTERFACE in transfer.data


def _descriptor_kind(transfer: ControlTransfer) -> int | None:
    """bDescriptorType of an answered GET_DESCRIPTOR; None for any other."""
    request = transfer.setup.bmRequestType, transfer.setup.bRequest
    if transfer.outcome is not Outcome.ANSWERED or request != (0x80, StandardRequest.GET_DESCRIPTOR):
        return None
    return transfer.setup.wValue >> 8


def _session(devices: Sequence[_Device]) -> Session:
    steps: list[Step] = []
    for device in devices:
        first = device.steps[0]
        if steps and not isinstance(first, Arrival):
            steps.append(Arrival(first.number, first.at, *device.place))
        steps += device.steps
    for step in steps:
        if isinstance(step, ControlTransfer) and step.missing:
            raise CaptureError(
                f"packet {step.number} is not in it as a whole, {step.missing} bytes are missing: "
                "capture without a limit to the length of packets"
            )
    farewells = frozenset(number for device in devices for number in _farewells(device))
    return Session(tuple(device.place for device in devices), steps, _serial(steps), farewells)


def _farewells(device: _Device) -> Iterator[int]:
    for step in reversed(device.steps):
        unheard = isinstance(step, ControlTransfer) and (
            step.outcome is Outcome.FAILED or (step.outcome is Outcome.NO_ANSWER and step.took is None)
        )
        if not unheard:
            return
        yield step.number


def _serial(steps: Iterable[Step]) -> str | None:
    """The longest answer counts: hosts ask for the first bytes alone, too."""
    answers = [
        step.data
        for step in steps
        if isinstance(step, ControlTransfer)
        and _descriptor_kind(step) == DescriptorType.STRING
        and step.setup.wValue == _SERIAL_NUMBER
    ]
    found = max(answers, key=len, default=b"")
    try:
        return parse_string(found) if found else None
    except ProtocolError:
        return None
