"""Finding DfuSe devices on the bus: their alternate settings, layouts and DFU functional descriptor."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import usb.core
import usb.util

from dfu_host import descriptors
from dfu_host.descriptors import Functional
from dfu_host.errors import HostError, NoDeviceError, UsageError
from dfu_host.link import Link, usb_errors
from dfu_protocol import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    Layout,
    ProtocolError,
    parse_layout,
)
from dfu_protocol.firmware_file import DFUSE_VERSION


@dataclass(frozen=True, slots=True)
class Selection:
    """Which devices are meant; None is any. ``path`` is bus-port.port..., as ``list`` shows it."""

    vendor: int | None = None
    product: int | None = None
    serial: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Alternate:
    """One alternate setting: ``text`` is its iInterface, ``layout`` what that says, None if nothing."""

    number: int
    text: str
    layout: Layout | None

    @property
    def name(self) -> str:
        """The memory's name, e.g. ``Internal Flash``."""
        return self.layout.name.strip() if self.layout else self.text

    def is_called(self, beginning: str) -> bool:
        """Whether the memory's name begins so, in any case."""
        return self.name.lower().startswith(beginning.strip().lower())

    @property
    def known_layout(self) -> Layout:
        """``layout``; UsageError where there is none."""
        if self.layout is None:
            raise UsageError(f"alternate {self.number} has no memory layout: its name is {self.text!r}")
        return self.layout


@dataclass(frozen=True, slots=True)
class DfuDevice:
    """A device with a DFU interface. ``problem`` says why its strings or ``functional`` could not be read."""

    usb: usb.core.Device
    configuration: int
    interface: int
    alternates: tuple[Alternate, ...]
    functional: Functional | None
    serial: str | None
    path: str
    problem: str | None = None

    @property
    def ids(self) -> str:
        """``VID:PID`` in hex, e.g. ``0483:df11``."""
        return f"{self.usb.idVendor:04x}:{self.usb.idProduct:04x}"

    @contextmanager
    def open(self) -> Iterator[Link]:
        """The device as a Link, claimed until the end of the block."""
        link = Link(self.usb, self.configuration, self.interface)
        try:
            yield link
        finally:
            link.close()

    def transfer_size(self, fallback: int | None = None) -> int:
        """wTransferSize of the descriptor; ``fallback`` where the device shows no descriptor."""
        if self.functional:
            return self.functional.wTransferSize
        if fallback is None:
            raise UsageError(
                "the device shows no DFU functional descriptor, so its wTransferSize is not known: give"
                " its size (--transfer-size, in Python transfer_size; most STM32 have 2048, some 1024)"
            )
        return fallback

    def memory_at(self, address: int) -> Alternate | None:
        """The memory that holds ``address`` by its layout string, None if there is none."""
        return next((a for a in self.alternates if a.layout and a.layout.segment_at(address)), None)

    def alternate(self, choice: str | None = None) -> Alternate:
        """The alternate setting of that number or name (any case, or how it begins); the first by default."""
        if choice is None:
            return self.alternates[0]
        if choice.isdecimal():
            matches = [a for a in self.alternates if a.number == int(choice)]
        else:
            matches = [a for a in self.alternates if a.is_called(choice)]
        if len(matches) == 1:
            return matches[0]
        known = ", ".join(f"{a.number} ({a.name})" for a in self.alternates)
        problem = "more than one alternate setting is" if matches else "no alternate setting is"
        raise UsageError(f"{problem} called {choice!r}; the device has {known}")


def find(selection: Selection | None = None, backend: object | None = None) -> list[DfuDevice]:
    """All DfuSe devices that match, by any PyUSB backend (None: libusb)."""
    wanted = selection or Selection()
    fields = {"idVendor": wanted.vendor, "idProduct": wanted.product}
    given = {field: value for field, value in fields.items() if value is not None}
    found = []
    with usb_errors("looking for devices"):
        for device in usb.core.find(find_all=True, backend=backend, **given):
            found += [
                candidate
                for candidate in _dfuse_interfaces(device)
                if wanted.serial in (None, candidate.serial) and wanted.path in (None, candidate.path)
            ]
    return found


def pick(selection: Selection | None = None, backend: object | None = None) -> DfuDevice:
    """The one device that matches. NoDeviceError where there is none, or where there are several."""
    wanted = selection or Selection()
    found = find(wanted, backend)
    if not found:
        there = find(backend=backend) if wanted != Selection() else []
        if there:
            raise NoDeviceError(f"no device matches the ids, serial and path; there is {_listed(there)}")
        raise NoDeviceError(
            "no DfuSe device found: is it plugged in, and in its bootloader (BOOT0 high at reset)?"
        )
    if len(found) > 1:
        raise NoDeviceError(
            f"{len(found)} devices match, choose one by its serial number or path: {_listed(found)}"
        )
    return found[0]


def _listed(devices: Sequence[DfuDevice]) -> str:
    """What to choose them by. One whose serial number cannot be read says why."""
    return "; ".join(
        f"{d.ids} path {d.path} serial {d.serial or 'unknown'}" + (f" ({d.problem})" if d.problem else "")
        for d in devices
    )


def _dfuse_interfaces(device: usb.core.Device) -> list[DfuDevice]:
    """What ``device`` has of DfuSe interfaces; one whose descriptors cannot be read has none."""
    with suppress(usb.core.USBError, NotImplementedError):
        for configuration in device:
            settings = [
                s
                for s in configuration
                if (s.bInterfaceClass, s.bInterfaceSubClass, s.bInterfaceProtocol)
                == (DFU_INTERFACE_CLASS, DFU_INTERFACE_SUBCLASS, DFU_INTERFACE_PROTOCOL)
            ]
            if settings:
                described = _describe(device, configuration, settings)
                return [described] if _is_dfuse(described) else []
    return []


def _is_dfuse(device: DfuDevice) -> bool:
    """Plain DFU 1.1 devices have the same class; what they lack is the version and the layout strings."""
    if device.functional is None or device.functional.bcdDFUVersion == DFUSE_VERSION:
        return True
    return any(alternate.layout for alternate in device.alternates)


def _describe(
    device: usb.core.Device, configuration: usb.core.Configuration, settings: Sequence[usb.core.Interface]
) -> DfuDevice:
    interface = settings[0].bInterfaceNumber
    extras = [s.extra_descriptors for s in settings] + [configuration.extra_descriptors]
    functional = next(filter(None, map(descriptors.parse_functional, extras)), None)
    serial, texts, problem = None, [""] * len(settings), None
    try:
        language = descriptors.ask_language(device)
        serial = descriptors.ask_string(device, device.iSerialNumber, language) or None
        texts = [descriptors.ask_string(device, s.iInterface, language) for s in settings]
        if functional is None:
            functional = descriptors.ask_functional(device, interface)
    except HostError as error:
        problem = str(error)
    finally:
        usb.util.dispose_resources(device)
    alternates = [_alternate(s.bAlternateSetting, t) for s, t in zip(settings, texts, strict=True)]
    return DfuDevice(
        usb=device,
        configuration=configuration.bConfigurationValue,
        interface=interface,
        alternates=tuple(sorted(alternates, key=lambda a: a.number)),
        functional=functional,
        serial=serial,
        path=_path(device),
        problem=problem,
    )


def _alternate(number: int, text: str) -> Alternate:
    try:
        return Alternate(number, text, parse_layout(text))
    except ProtocolError:
        return Alternate(number, text, None)


def _path(device: usb.core.Device) -> str:
    """``BUS-PORT.PORT...`` as Linux names it; ``BUS-dADDRESS`` where the ports are not known."""
    if device.port_numbers:
        return f"{device.bus}-{'.'.join(map(str, device.port_numbers))}"
    return f"{device.bus}-d{device.address}"
