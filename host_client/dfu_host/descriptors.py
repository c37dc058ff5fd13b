"""What a device is asked for beside its configuration: strings, and the DFU functional descriptor.

What fails as behind a bad cable is asked for again; what a device stalls it does not have. HostError for
anything else.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import usb.control
import usb.core
import usb.util
from construct import ConstructError

from dfu_host.errors import HostError
from dfu_host.exchange import TRIES
from dfu_host.link import usb_errors
from dfu_protocol import Attributes, ProtocolError, StandardRequest
from dfu_protocol.descriptors import DFU_FUNCTIONAL, DescriptorType, find_dfu_functional, parse_string

_ENGLISH_US = 0x0409
_STRING_MAX = 255
_FROM_DEVICE, _FROM_INTERFACE = 0x80, 0x81


@dataclass(frozen=True, slots=True)
class Functional:
    """The DFU functional descriptor (DFU 1.1, table 4.2); wDetachTimeOut in ms, wTransferSize in bytes."""

    bmAttributes: Attributes
    wDetachTimeOut: int
    wTransferSize: int
    bcdDFUVersion: int


def ask_language(device: usb.core.Device) -> int:
    """The language of its strings: the first that it has, English where it names none."""
    languages = _answer(device, "strings", usb.util.get_langids, device)
    return next(iter(languages), _ENGLISH_US)


def ask_string(device: usb.core.Device, index: int, language: int) -> str:
    """A string of the device; "" where it has none, or nothing that is one."""
    if not index:
        return ""
    where = DescriptorType.STRING, index, language
    answer = _answer(device, "strings", usb.control.get_descriptor, device, _STRING_MAX, *where)
    try:
        return parse_string(bytes(answer))
    except ProtocolError:
        return ""


def ask_functional(device: usb.core.Device, interface: int) -> Functional | None:
    """The DFU functional descriptor that the configuration lacks; gadgets differ in who answers for it."""
    what = DescriptorType.DFU_FUNCTIONAL << 8, interface, DFU_FUNCTIONAL.sizeof()
    for request_type in (_FROM_INTERFACE, _FROM_DEVICE):
        request = request_type, StandardRequest.GET_DESCRIPTOR, *what
        answer = _answer(device, "DFU functional descriptor", device.ctrl_transfer, *request)
        if found := parse_functional(answer):
            return found
    return None


def parse_functional(data: Iterable[int]) -> Functional | None:
    """The DFU functional descriptor among these; None where there is none that makes sense."""
    try:
        descriptor = find_dfu_functional(bytes(data))
        if descriptor is None:
            return None
        fields = DFU_FUNCTIONAL.parse(descriptor)
    except (ProtocolError, ConstructError):
        return None
    if not fields.wTransferSize:
        return None
    return Functional(
        Attributes(fields.bmAttributes), fields.wDetachTimeOut, fields.wTransferSize, fields.bcdDFUVersion
    )


def _answer(
    device: usb.core.Device, what: str, ask: Callable[..., Sequence[int]], *arguments: object
) -> Sequence[int]:
    """What ``ask`` brings; nothing where the device stalls."""
    tries = 0
    while True:
        tries += 1
        try:
            with usb_errors(f"reading the {what} of {device.idVendor:04x}:{device.idProduct:04x}"):
                return _unless_stalled(ask, *arguments)
        except HostError as error:
            if tries == TRIES or not error.transient:
                raise


def _unless_stalled(ask: Callable[..., Sequence[int]], *arguments: object) -> Sequence[int]:
    try:
        return ask(*arguments)
    except usb.core.USBError as error:
        if error.errno == errno.EPIPE:
            return b""
        raise
