"""What there is to tell about a device, as text for people and as documents for programs."""

import io
import shutil
import sys
from collections.abc import Iterator

from dfu_host.bus import Alternate, DfuDevice
from dfu_host.extents import spell
from dfu_protocol import Access, Attributes, CommandCode, Layout, State, Status

_COMMAND_NAMES = {
    CommandCode.GET: "Get",
    CommandCode.SET_ADDRESS: "Set Address Pointer",
    CommandCode.ERASE: "Erase",
    CommandCode.READ_UNPROTECT: "Read Unprotect",
}
_ATTRIBUTE_NAMES = {
    Attributes.CAN_DNLOAD: "can download",
    Attributes.CAN_UPLOAD: "can upload",
    Attributes.MANIFESTATION_TOLERANT: "manifestation tolerant",
    Attributes.WILL_DETACH: "will detach",
}
_WIDTH_OF_A_PIPE = 200
_ACCESS_NAMES = {Access.READABLE: "read", Access.ERASABLE: "erase", Access.WRITABLE: "write"}


def summary(device: DfuDevice) -> Iterator[str]:
    """One line for the device and one for each alternate setting."""
    yield f"{device.ids}  path {device.path}  serial {device.serial or 'unknown'}"
    for alternate in device.alternates:
        yield f"  alt {alternate.number}  {alternate.text or '(name unknown)'}"


def description(device: DfuDevice) -> Iterator[str]:
    """The descriptors of the device."""
    yield from summary(device)
    yield f"bcdUSB         {_bcd(device.usb.bcdUSB)}"
    yield f"bcdDevice      {_bcd(device.usb.bcdDevice)}"
    functional = device.functional
    if functional is None:
        yield "no DFU functional descriptor"
        return
    yield f"bcdDFUVersion  {_bcd(functional.bcdDFUVersion)}"
    attributes = functional.bmAttributes
    yield f"bmAttributes   0x{attributes:02x} ({_names_of(attributes, _ATTRIBUTE_NAMES)})"
    yield f"wTransferSize  {functional.wTransferSize} bytes"
    yield f"wDetachTimeOut {functional.wDetachTimeOut} ms"


def condition(state: State, status: Status | None) -> Iterator[str]:
    """State and status as the device told them."""
    yield f"state          {state.label}"
    yield "status         " + (
        f"{status.label} ({status.meaning})" if status is not None else "not asked for"
    )


def command_list(codes: bytes) -> str:
    """The commands behind the codes that Get gave."""
    known = {int(code): name for code, name in _COMMAND_NAMES.items()}
    names = (f"0x{code:02x} {known.get(code, '(not in AN3156)')}" for code in codes)
    return f"commands       {', '.join(names) or 'none'}"


def memory_map(alternates: tuple[Alternate, ...]) -> Iterator[str]:
    """A table of every segment of every alternate setting."""
    # Slow to import, and of use to info only.
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "alt", "memory", "addresses", "pages", "access", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for alternate in alternates:
        for row in _rows(alternate.layout) if alternate.layout else [("not described",)]:
            table.add_row(str(alternate.number), alternate.name, *row)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    drawn = io.StringIO()
    Console(markup=False, highlight=False, emoji=False, width=width, file=drawn).print(table)
    yield from (line.rstrip() for line in drawn.getvalue().splitlines())


def device_document(device: DfuDevice) -> dict[str, object]:
    """All that its descriptors tell."""
    functional = device.functional
    return {
        "idVendor": device.usb.idVendor,
        "idProduct": device.usb.idProduct,
        "bcdDevice": device.usb.bcdDevice,
        "bcdUSB": device.usb.bcdUSB,
        "serial": device.serial,
        "path": device.path,
        "problem": device.problem,
        "functional": None
        if functional is None
        else {
            "bmAttributes": int(functional.bmAttributes),
            "wDetachTimeOut": functional.wDetachTimeOut,
            "wTransferSize": functional.wTransferSize,
            "bcdDFUVersion": functional.bcdDFUVersion,
        },
        "memories": [_memory_document(alternate) for alternate in device.alternates],
    }


def _memory_document(alternate: Alternate) -> dict[str, object]:
    return {
        "alternate": alternate.number,
        "name": alternate.name,
        "text": alternate.text,
        "segments": [
            {
                "address": segment.address,
                "pages": segment.count,
                "page_size": segment.size,
                "access": [name for flag, name in _ACCESS_NAMES.items() if segment.access & flag],
            }
            for segment in (alternate.layout.segments if alternate.layout else ())
        ],
    }


def _rows(layout: Layout) -> Iterator[tuple[str, ...]]:
    for segment in layout.segments:
        yield (
            spell([(segment.address, segment.end)]),
            f"{segment.count} x {_size(segment.size)}",
            _names_of(segment.access, _ACCESS_NAMES) or "not said",
        )


def _names_of(flags: int, names: dict[Attributes, str] | dict[Access, str]) -> str:
    return ", ".join(name for flag, name in names.items() if flags & flag)


def _size(size: int) -> str:
    return f"{size // 1024} KiB" if size % 1024 == 0 else f"{size} B"


def _bcd(version: int) -> str:
    return f"{version >> 8:x}.{version & 0xFF:02x}"
