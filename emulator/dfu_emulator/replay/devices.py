"""The devices of a capture: which of them had which address, and when. Addresses are given again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_protocol import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    ProtocolError,
    Request,
    SetupPacket,
    StandardRequest,
)
from dfu_protocol.descriptors import DescriptorType, parse_string

Place: TypeAlias = tuple[int, int]
"""Bus and address."""

_STATUS_REQUEST = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
_IDS = slice(8, 12)
"""idVendor and idProduct in a device descriptor."""
_DFU_INTERFACE = bytes((DFU_INTERFACE_CLASS, DFU_INTERFACE_SUBCLASS, DFU_INTERFACE_PROTOCOL))
_SERIAL_NUMBER = DescriptorType.STRING << 8 | 3
"""wValue of the request for it: all STM32 have it there."""


@dataclass(slots=True, eq=False)
class Device:
    """What the capture has of one device at one address."""

    place: Place
    steps: list[Step] = field(default_factory=list)
    descriptor: bytes = b""
    """Of the device, as far as it was told."""
    dfu: bool = False
    """Whether it showed a DFU interface, or was asked for a DFU status."""
    serial: str | None = None
    """What it told as its serial number."""

    @property
    def ids(self) -> bytes:
        """idVendor and idProduct, none if they were not told."""
        return self.descriptor[_IDS]

    @property
    def begin(self) -> int:
        """The number of its first step."""
        return self.steps[0].number

    @property
    def end(self) -> int:
        """The number of its last step."""
        return self.steps[-1].number

    def may_be(self, other: "Device") -> bool:
        """Whether nothing that the two have told says that they are not the same device."""
        serials = {self.serial, other.serial} - {None}
        return _agree(self.descriptor, other.descriptor) and len(serials) < 2

    def add(self, step: Step) -> None:
        """Learn what a step tells."""
        self.steps.append(step)
        told = _device_descriptor(step)
        if told is not None and len(told) > len(self.descriptor):
            self.descriptor = told
        if isinstance(step, ControlTransfer):
            self.dfu |= step.setup == _STATUS_REQUEST
            kind = _descriptor_kind(step)
            self.dfu |= kind == DescriptorType.CONFIGURATION and _DFU_INTERFACE in step.data
            if kind == DescriptorType.STRING and step.setup.wValue == _SERIAL_NUMBER:
                self.serial = _text(step.data) or self.serial

    def replaced_at(self, step: Step) -> int | None:
        """Where in ``steps`` another device has got this address, if ``step`` shows that one has."""
        told = _device_descriptor(step)
        if told is None or _agree(told, self.descriptor):
            return None
        for index in reversed(range(1, len(self.steps))):
            if isinstance(self.steps[index], Reset):
                return index  # it was no reset, but how the other got its address
            if len(_device_descriptor(self.steps[index]) or b"") >= _IDS.stop:
                break
        return len(self.steps)


def devices_of(steps: Iterable[Step]) -> list[Device]:
    """All devices, in the order in which they first appear. One that comes back is another each time,
    unless it comes back to the address that it has had.
    """
    found: list[Device] = []
    present: dict[Place, Device] = {}
    for step in steps:
        device = present.get(step.place)
        moved: list[Step] = []
        if device is not None and (index := device.replaced_at(step)) is not None:
            moved = device.steps[index:]
            del device.steps[index:]
            device = None
        if device is None:
            device = present[step.place] = Device(step.place)
            found.append(device)
        for own in (*map(_as_arrival, moved), step):
            device.add(own)
    return found


def _as_arrival(step: Step) -> Step:
    return Arrival(step.number, step.at, step.bus, step.address) if isinstance(step, Reset) else step


def _agree(one: bytes, other: bytes) -> bool:
    """Whether two descriptors are the same, as far as both were told."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _device_descriptor(step: Step) -> bytes | None:
    """As far as a step tells it; None for one that does not."""
    if isinstance(step, Arrival):
        return step.device_descriptor or None
    if isinstance(step, ControlTransfer) and _descriptor_kind(step) == DescriptorType.DEVICE:
        return step.data
    return None


def _descriptor_kind(transfer: ControlTransfer) -> int | None:
    """bDescriptorType of an answered GET_DESCRIPTOR; None for any other."""
    request = transfer.setup.bmRequestType, transfer.setup.bRequest
    if transfer.outcome is not Outcome.ANSWERED or request != (0x80, StandardRequest.GET_DESCRIPTOR):
        return None
    return transfer.setup.wValue >> 8


def _text(descriptor: bytes) -> str | None:
    """Of a string; None where only its first bytes were asked for."""
    try:
        return parse_string(descriptor)
    except ProtocolError:
        return None
