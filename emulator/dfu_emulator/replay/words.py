"""Captured requests in words."""

from dfu_emulator.replay.records import ControlTransfer
from dfu_emulator.trace.describe import describe_download, is_dfu, request_name
from dfu_protocol import Request, StandardRequest
from dfu_protocol.descriptors import DescriptorType

_DESCRIPTORS = {kind: kind.name.lower().replace("_", " ") for kind in DescriptorType}


def request_words(transfer: ControlTransfer, address: int | None = None) -> str:
    """``address`` is where a data block of DNLOAD or UPLOAD is, if that is known."""
    setup = transfer.setup
    name = request_name(setup)
    if is_dfu(setup):
        match setup.bRequest:
            case Request.DNLOAD:
                return f"{name} {describe_download(setup.wValue, transfer.data, address)}"
            case Request.UPLOAD:
                place = "" if address is None else f" at 0x{address:08X}"
                return f"{name} block {setup.wValue}, {setup.wLength} bytes{place}"
            case _:
                return name
    if setup.bRequest == StandardRequest.GET_DESCRIPTOR:
        kind, index = divmod(setup.wValue, 256)
        known = _DESCRIPTORS.get(DescriptorType(kind)) if kind in _DESCRIPTORS else f"type {kind:#04x}"
        return f"{name} {known} {index}, {setup.wLength} bytes"
    return f"{name} wValue {setup.wValue:#06x}, wIndex {setup.wIndex}, wLength {setup.wLength}"


def quantity(data: bytes) -> str:
    """How many bytes."""
    return f"{len(data)} byte{'' if len(data) == 1 else 's'}"


def in_hex(data: bytes) -> str:
    """The bytes, if there are some."""
    return data.hex(" ") or "nothing"


def seconds(microseconds: int) -> str:
    """A time to a millisecond."""
    return f"{microseconds / 1_000_000:.3f} s"
