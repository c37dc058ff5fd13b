"""Reading a firmware file: which format it has, and what is in it."""

import re
from pathlib import Path

from dfu_host.errors import FileError, HostError, InputError, UsageError
from dfu_host.firmware import elf, records
from dfu_host.firmware.model import Firmware, Format, Image, format_of_name
from dfu_protocol import ProtocolError
from dfu_protocol.firmware_file import Element, is_dfuse, parse_dfuse, split_suffix

_ADDRESS_SPACE = 1 << 32
_HEX_LINE = re.compile(rb"\s*:[0-9A-Fa-f]{4}")
_SREC_LINE = re.compile(rb"\s*S[0-9][0-9A-Fa-f]{4}")


def load(
    path: Path, address: int | None = None, kind: Format | None = None, *, otherwise: int | None = None
) -> Firmware:
    """Read a firmware file, as ``parse`` does its content; InputError where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return parse(data, str(path), address, kind, otherwise=otherwise)


def parse(
    data: bytes,
    name: str,
    address: int | None = None,
    kind: Format | None = None,
    *,
    otherwise: int | None = None,
) -> Firmware:
    """The content of a firmware file, ``name`` in messages. It tells the format, unless ``kind`` does.

    ``address`` is where a file goes that does not say it, and for such files only; ``otherwise`` is where
    such a file goes without ``address``. FileError where it is damaged, empty, or not what its name
    promises; UsageError where ``address`` is missing or superfluous.
    """
    try:
        firmware = _parse(data, kind or _recognise(name, data), address, otherwise)
    except ProtocolError as error:
        raise FileError(f"{name}: {error}") from None
    except HostError as error:
        raise type(error)(f"{name}: {error}") from None
    if not any(element.data for image in firmware.images for element in image.elements):
        raise FileError(f"{name}: there is nothing in it to write")
    return firmware


def _recognise(name: str, data: bytes) -> Format:
    """The format of the content. FileError where the name promises one that it is not."""
    kind = _kind(data)
    promised = format_of_name(name)
    if kind is Format.RAW and promised not in (None, Format.RAW):
        raise FileError(
            f"this is not {promised.description}, as its name says: it is cut off or damaged;"
            " if it is plain bytes, --input-format raw says so"
        )
    return kind


def _kind(data: bytes) -> Format:
    if data.startswith(b"\x7fELF"):
        return Format.ELF
    if is_dfuse(data):
        return Format.DFUSE
    if _HEX_LINE.match(data):
        return Format.HEX
    if _SREC_LINE.match(data):
        return Format.SREC
    return Format.DFU if split_suffix(data)[1] else Format.RAW


def _parse(data: bytes, kind: Format, address: int | None, otherwise: int | None) -> Firmware:
    if not kind.has_addresses:
        if address is None:
            address = otherwise
        if address is None:
            raise UsageError(f"{kind.description} does not say where it goes: give --address")
        body, suffix = split_suffix(data) if kind is Format.DFU else (data, None)
        if address + len(body) > _ADDRESS_SPACE:
            raise FileError(
                f"its {len(body)} bytes from 0x{address:08x} on end above the 32-bit address space"
            )
        return Firmware((Image(None, (Element(address, body),)),), suffix)
    if address is not None:
        raise UsageError(f"{kind.description} has its own addresses: leave out --address")
    if kind is Format.DFUSE:
        parsed = parse_dfuse(data)
        images = (Image(t.alternate, t.elements, t.name) for t in parsed.targets if t.elements)
        return Firmware(tuple(images), parsed.suffix)
    elements = elf.parse(data) if kind is Format.ELF else records.parse(data, kind)
    return Firmware((Image(None, elements),))
