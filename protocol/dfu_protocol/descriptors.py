"""USB descriptors of a DFU device (USB 2.0 section 9.6, DFU 1.1 section 4.1.3), declared with construct.

Each is a ``construct.Struct``: ``DEVICE.parse(bytes)`` gives its fields by their standard names and
``DEVICE.build({...})`` the bytes; ``bLength`` and ``bDescriptorType`` are filled in.
"""

from enum import IntEnum

from construct import Bytes, Const, ConstructError, Int8ul, Int16ul, Struct, this

from dfu_protocol.errors import ProtocolError


class DescriptorType(IntEnum):
    """bDescriptorType."""

    DEVICE = 1
    CONFIGURATION = 2
    STRING = 3
    INTERFACE = 4
    ENDPOINT = 5
    DEVICE_QUALIFIER = 6
    OTHER_SPEED_CONFIGURATION = 7
    DFU_FUNCTIONAL = 0x21


def _header(length: int, kind: DescriptorType) -> tuple[object, object]:
    return "bLength" / Const(length, Int8ul), "bDescriptorType" / Const(kind, Int8ul)


DEVICE = Struct(
    *_header(18, DescriptorType.DEVICE),
    "bcdUSB" / Int16ul,
    "bDeviceClass" / Int8ul,
    "bDeviceSubClass" / Int8ul,
    "bDeviceProtocol" / Int8ul,
    "bMaxPacketSize0" / Int8ul,
    "idVendor" / Int16ul,
    "idProduct" / Int16ul,
    "bcdDevice" / Int16ul,
    "iManufacturer" / Int8ul,
    "iProduct" / Int8ul,
    "iSerialNumber" / Int8ul,
    "bNumConfigurations" / Int8ul,
)

CONFIGURATION = Struct(
    *_header(9, DescriptorType.CONFIGURATION),
    "wTotalLength" / Int16ul,
    "bNumInterfaces" / Int8ul,
    "bConfigurationValue" / Int8ul,
    "iConfiguration" / Int8ul,
    "bmAttributes" / Int8ul,
    "bMaxPower" / Int8ul,
)

INTERFACE = Struct(
    *_header(9, DescriptorType.INTERFACE),
    "bInterfaceNumber" / Int8ul,
    "bAlternateSetting" / Int8ul,
    "bNumEndpoints" / Int8ul,
    "bInterfaceClass" / Int8ul,
    "bInterfaceSubClass" / Int8ul,
    "bInterfaceProtocol" / Int8ul,
    "iInterface" / Int8ul,
)

DFU_FUNCTIONAL = Struct(
    *_header(9, DescriptorType.DFU_FUNCTIONAL),
    "bmAttributes" / Int8ul,
    "wDetachTimeOut" / Int16ul,
    "wTransferSize" / Int16ul,
    "bcdDFUVersion" / Int16ul,
)

STRING = Struct(
    "bLength" / Int8ul,
    "bDescriptorType" / Const(DescriptorType.STRING, Int8ul),
    "bString" / Bytes(this.bLength - 2),
)

ANY = Struct("bLength" / Int8ul, "bDescriptorType" / Int8ul, "body" / Bytes(this.bLength - 2))
"""A descriptor of whatever type, to walk a configuration."""

_STRING_MAX_BYTES = 255 - 2


def build_string(text: str, tail: bytes = b"") -> bytes:
    """A string descriptor in UTF-16LE, with ``tail`` behind the text as some STM32 have it.

    Over 126 code units (253 bytes with the tail), or half a character, raise ProtocolError.
    """
    try:
        encoded = text.encode("utf-16-le") + tail
    except UnicodeEncodeError:
        raise ProtocolError(f"not expressible in UTF-16: {text!r}") from None
    if len(encoded) > _STRING_MAX_BYTES:
        raise ProtocolError(f"a string descriptor holds {_STRING_MAX_BYTES // 2} UTF-16 units: {text!r}")
    built: bytes = STRING.build({"bLength": len(encoded) + 2, "bString": encoded})
    return built


def parse_string(data: bytes) -> str:
    """The text of a string descriptor, half a character as U+FFFD. Some STM32 have more behind it: a NUL and
    what follows, or an odd byte, is not text. Raises ProtocolError for another descriptor.
    """
    encoded = _string_body(data)
    return encoded[: _text_length(encoded)].decode("utf-16-le", errors="replace")


def split_string(data: bytes) -> tuple[str, bytes]:
    """The text of a string descriptor, and all bytes behind it that are none. Raises ProtocolError."""
    encoded = _string_body(data)
    length = _text_length(encoded)
    try:
        text = encoded[:length].decode("utf-16-le")
    except UnicodeDecodeError as error:
        length = error.start
        text = encoded[:length].decode("utf-16-le")
    return text, encoded[length:]


def _string_body(data: bytes) -> bytes:
    try:
        body: bytes = STRING.parse(data).bString
    except ConstructError as error:
        raise ProtocolError(f"no string descriptor: {data.hex(' ')} ({error})") from None
    return body


def _text_length(encoded: bytes) -> int:
    """Bytes before the first NUL, or of all whole units."""
    units = range(0, len(encoded) & ~1, 2)
    return next((start for start in units if encoded[start : start + 2] == b"\0\0"), len(units) * 2)


def build_languages(*language_ids: int) -> bytes:
    """String descriptor 0: the supported languages (0x0409 is US English)."""
    body = b"".join(Int16ul.build(language) for language in language_ids)
    built: bytes = STRING.build({"bLength": len(body) + 2, "bString": body})
    return built


def walk(data: bytes) -> list[tuple[int, bytes]]:
    """Cut a configuration into its descriptors: (bDescriptorType, whole descriptor) each.

    A length that does not fit what is there raises ProtocolError.
    """
    found = []
    while data:
        try:
            head = ANY.parse(data)
        except ConstructError:
            raise ProtocolError(f"no descriptor where one should begin: {data[:8].hex(' ')}") from None
        found.append((head.bDescriptorType, data[: head.bLength]))
        data = data[head.bLength :]
    return found


def find_dfu_functional(data: bytes) -> bytes | None:
    """The DFU functional descriptor in a configuration, or in the extra bytes of an interface."""
    for kind, descriptor in walk(data):
        if kind == DescriptorType.DFU_FUNCTIONAL:
            return descriptor
    return None
