"""Which device of a capture is the chip, and under which addresses: it gets a new one each time it comes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dfu_emulator.replay.capture import Capture
from dfu_emulator.replay.devices import Device, Place, devices_of
from dfu_emulator.replay.packet import CaptureError
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Step


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


def find_session(
    capture: Capture, vendor: int, product: int, chosen: Place | None = None, since: int | None = None
) -> Session:
    """The chip's part of ``capture``: the device with these ids, else the one with a DFU interface.

    ``chosen`` is where it is at first, if a user says so, and ``since`` the number of a step that it has
    there, where others have been there as well. Raises CaptureError where there is none, or several.
    """
    devices = devices_of(capture.steps)
    ids = vendor.to_bytes(2, "little") + product.to_bytes(2, "little")
    alike = [device for device in devices if device.ids == ids or (device.dfu and not device.ids)]
    alike = alike or [device for device in devices if device.dfu]
    candidates = alike if chosen is None else _at(chosen, since, devices, alike)
    if not candidates:
        raise CaptureError(f"no DFU device in it, neither {vendor:04x}:{product:04x} nor another")
    followed = [candidates[0]]
    for device in alike:
        came_later = device.place[0] == followed[0].place[0] and device.begin > followed[-1].end
        if came_later and all(map(device.may_be, followed)):
            followed.append(device)
    if any(device not in followed for device in candidates):
        listed = _listed(candidates, devices)
        raise CaptureError(f"several DFU devices in it: {listed}; choose the chip with --device")
    return _session(followed)


def _at(
    place: Place, since: int | None, devices: Sequence[Device], alike: Sequence[Device]
) -> Sequence[Device]:
    """Those that were at a place: the one that was there at step ``since``, or all that may be the chip."""
    there = [device for device in devices if device.place == place]
    if since is not None:
        there = [device for device in there if device.begin <= since][-1:]
    if not there:
        wanted = spell_place(place) + ("" if since is None else f"@{since}")
        listed = _listed(devices, devices) or "none"
        raise CaptureError(f"there is no device {wanted} in it; there are: {listed}")
    return [device for device in there if device in alike] or there


def _listed(some: Iterable[Device], devices: Sequence[Device]) -> str:
    """As ``--device`` takes them: with the number of the first step where others have the same address."""
    places = [device.place for device in devices]
    return ", ".join(
        spell_place(device.place) + (f"@{device.begin}" if places.count(device.place) > 1 else "")
        for device in some
    )


def _session(devices: Sequence[Device]) -> Session:
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
    serial = next((device.serial for device in devices if device.serial), None)
    return Session(tuple(device.place for device in devices), steps, serial, farewells)


def _farewells(device: Device) -> Iterator[int]:
    for step in reversed(device.steps):
        unheard = isinstance(step, ControlTransfer) and (
            step.outcome is Outcome.FAILED or (step.outcome is Outcome.NO_ANSWER and step.took is None)
        )
        if not unheard:
            return
        yield step.number
