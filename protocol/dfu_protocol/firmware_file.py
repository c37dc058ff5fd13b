"""DFU file suffix (DFU 1.1, appendix B) and DfuSe files (UM0391), little-endian, declared with construct."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from construct import Bytes, Const, ConstructError, Container, Int8ul, Int16ul, Int32ul, Struct

from dfu_protocol.errors import ProtocolError

DFUSE_VERSION = 0x011A
PLAIN_VERSION = 0x0100

SUFFIX = Struct(
    "bcdDevice" / Int16ul,
    "idProduct" / Int16ul,
    "idVendor" / Int16ul,
    "bcdDFU" / Int16ul,
    "signature" / Const(b"UFD"),
    "bLength" / Int8ul,
    "dwCRC" / Int32ul,
)

PREFIX = Struct(
    "signature" / Const(b"DfuSe"),
    "bVersion" / Const(1, Int8ul),
    "DFUImageSize" / Int32ul,
    "bTargets" / Int8ul,
)

TARGET_PREFIX = Struct(
    "signature" / Const(b"Target"),
    "bAlternateSetting" / Int8ul,
    "bTargetNamed" / Int32ul,
    "szTargetName" / Bytes(255),
    "dwTargetSize" / Int32ul,
    "dwNbElements" / Int32ul,
)

ELEMENT_PREFIX = Struct("dwElementAddress" / Int32ul, "dwElementSize" / Int32ul)

_SUFFIX_SIZE: int = SUFFIX.sizeof()
_CRC_SIZE = 4


def dfu_crc(data: bytes) -> int:
    """CRC-32 as the suffix has it: initial value all ones, not inverted at the end."""
    return zlib.crc32(data) ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Suffix:
    """Which device a file is for. 0xFFFF stands for any."""

    idVendor: int = 0x0483
    idProduct: int = 0xDF11
    bcdDevice: int = 0xFFFF
    bcdDFU: int = DFUSE_VERSION


@dataclass(frozen=True, slots=True)
class Element:
    """``data`` for the memory from ``address`` on."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """The elements for one alternate setting. A name of None is 'not named'."""

    alternate: int
    elements: tuple[Element, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class DfuSeFile:
    """A whole DfuSe file."""

    targets: tuple[Target, ...]
    suffix: Suffix = field(default_factory=Suffix)

    def build(self) -> bytes:
        """The bytes of the file, suffix and CRC included."""
        body = b"".join(_build_target(target) for target in self.targets)
        size = PREFIX.sizeof() + len(body)
        return add_suffix(
            _build(PREFIX, {"DFUImageSize": size, "bTargets": len(self.targets)}) + body, self.suffix
        )


def add_suffix(body: bytes, suffix: Suffix) -> bytes:
    """``body`` followed by a DFU suffix with its CRC."""
    fields = {
        "bcdDevice": suffix.bcdDevice,
        "idProduct": suffix.idProduct,
        "idVendor": suffix.idVendor,
        "bcdDFU": suffix.bcdDFU,
        "bLength": _SUFFIX_SIZE,
        "dwCRC": 0,
    }
    unsigned = _build(SUFFIX, fields)[:-_CRC_SIZE]
    return body + unsigned + dfu_crc(body + unsigned).to_bytes(_CRC_SIZE, "little")


def split_suffix(data: bytes) -> tuple[bytes, Suffix | None]:
    """Cut a file into body and suffix; the suffix is None where there is none.

    A suffix whose CRC or length is wrong raises ProtocolError: the file is damaged.
    """
    if len(data) < _SUFFIX_SIZE or data[-8:-5] != b"UFD":
        return data, None
    parsed = SUFFIX.parse(data[-_SUFFIX_SIZE:])
    computed = dfu_crc(data[:-_CRC_SIZE])
    if parsed.dwCRC != computed:
        raise ProtocolError(
            f"the file is damaged: its DFU suffix has CRC {parsed.dwCRC:08x}, its bytes give {computed:08x}"
        )
    if not _SUFFIX_SIZE <= parsed.bLength <= len(data):
        raise ProtocolError(f"the DFU suffix gives its own length as {parsed.bLength} bytes")
    suffix = Suffix(parsed.idVendor, parsed.idProduct, parsed.bcdDevice, parsed.bcdDFU)
    return data[: -parsed.bLength], suffix


def is_dfuse(data: bytes) -> bool:
    """True where ``data`` begins like a DfuSe file."""
    return data.startswith(b"DfuSe")


def parse_dfuse(data: bytes) -> DfuSeFile:
    """Read a DfuSe file, suffix included. Anything that does not add up raises ProtocolError."""
    body, suffix = split_suffix(data)
    if suffix is None:
        raise ProtocolError("the file has no DFU suffix: it is cut off, or no DfuSe file")
    reader = _Reader(body)
    prefix = reader.take(PREFIX, "the DfuSe prefix")
    if prefix.DFUImageSize != len(body):
        raise ProtocolError(
            f"the DfuSe prefix speaks of {prefix.DFUImageSize} bytes, before the suffix are {len(body)}"
        )
    targets = tuple(_parse_target(reader, index) for index in range(prefix.bTargets))
    if reader.left:
        raise ProtocolError(f"{reader.left} bytes are left over behind the last target")
    return DfuSeFile(targets, suffix)


class _Reader:
    """Takes structures from the front of some bytes, naming what is cut off."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, structure: Struct, what: str) -> Container:
        try:
            parsed = structure.parse(self.take_bytes(structure.sizeof(), what))
        except ConstructError as error:
            raise ProtocolError(f"{what} at byte {self._at} is malformed: {error}") from None
        return parsed

    def take_bytes(self, size: int, what: str) -> bytes:
        if size > self.left:
            raise ProtocolError(f"{what} needs {size} bytes at byte {self._at}, but {self.left} are left")
        self._at += size
        return self._data[self._at - size : self._at]


def _parse_target(reader: _Reader, index: int) -> Target:
    head = reader.take(TARGET_PREFIX, f"target {index}")
    before = reader.left
    elements = []
    for number in range(head.dwNbElements):
        what = f"element {number} of target {index}"
        element = reader.take(ELEMENT_PREFIX, what)
        if element.dwElementAddress + element.dwElementSize > 1 << 32:
            raise ProtocolError(f"{what} ends above the 32-bit address space")
        elements.append(
            Element(element.dwElementAddress, reader.take_bytes(element.dwElementSize, f"the data of {what}"))
        )
    if before - reader.left != head.dwTargetSize:
        raise ProtocolError(
            f"target {index} speaks of {head.dwTargetSize} bytes, its elements have {before - reader.left}"
        )
    name = head.szTargetName.split(b"\0")[0].decode("latin-1") if head.bTargetNamed else None
    return Target(head.bAlternateSetting, tuple(elements), name)


def _build_target(target: Target) -> bytes:
    elements = b"".join(
        _build(ELEMENT_PREFIX, {"dwElementAddress": e.address, "dwElementSize": len(e.data)}) + e.data
        for e in target.elements
    )
    if any(e.address + len(e.data) > 1 << 32 for e in target.elements):
        raise ProtocolError("an element ends above the 32-bit address space")
    try:
        name = (target.name or "").encode("latin-1")
    except UnicodeEncodeError:
        raise ProtocolError(f"a target's name is Latin-1 text: {target.name!r}") from None
    if len(name) >= 255 or b"\0" in name:
        raise ProtocolError("a target's name has at most 254 characters, none of them NUL")
    fields = {
        "bAlternateSetting": target.alternate,
        "bTargetNamed": target.name is not None,
        "szTargetName": name.ljust(255, b"\0"),
        "dwTargetSize": len(elements),
        "dwNbElements": len(target.elements),
    }
    return _build(TARGET_PREFIX, fields) + elements


def _build(structure: Struct, fields: Mapping[str, object]) -> bytes:
    try:
        built: bytes = structure.build(fields)
    except ConstructError as error:
        raise ProtocolError(f"not expressible in a DFU file: {error}") from None
    return built
