"""Intel HEX and S-record files: text, one record a line, each with its own checksum."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dfu_host.errors import FileError
from dfu_host.firmware.model import Format
from dfu_protocol.firmware_file import Element

_ADDRESS_SPACE = 1 << 32


def parse(data: bytes, kind: Format) -> tuple[Element, ...]:
    """The data of a whole file, one element for each run of addresses.

    FileError names the line of a damaged record; it is raised as well where the last record is missing,
    where records are missing that the file has counted, and where an address has data twice.
    """
    # Slow to import, and of no use to commands that have no file.
    import bincopy

    if not data.isascii():
        raise FileError(f"{kind.description} is text, but this has bytes that are none")
    text = data.decode("ascii")
    _check(_records(text, kind), kind)
    image = bincopy.BinFile()
    try:
        (image.add_ihex if kind is Format.HEX else image.add_srec)(text)
    except (bincopy.Error, ValueError, KeyError, IndexError) as error:
        raise FileError(f"this is no intact {kind.description.split(' ', 1)[1]}: {error}") from None
    elements = tuple(Element(segment.minimum_address, bytes(segment.data)) for segment in image.segments)
    for element in elements:
        if element.address + len(element.data) > _ADDRESS_SPACE:
            raise FileError(f"the data for 0x{element.address:x} is above the 32-bit address space")
    return elements


class _Record(NamedTuple):
    """``role`` is _DATA, _COUNT, _END or other; the ``address`` of a _COUNT is how many it has counted."""

    line: int
    role: str
    address: int


_DATA, _COUNT, _END = "data", "count", "end"
_HEX_ROLES = {0: _DATA, 1: _END}
_SREC_ROLES = dict.fromkeys("123", _DATA) | dict.fromkeys("56", _COUNT) | dict.fromkeys("789", _END)


def _records(text: str, kind: Format) -> Iterator[_Record]:
    """The records of a file; FileError where one is damaged."""
    import bincopy

    unpack = bincopy.unpack_ihex if kind is Format.HEX else bincopy.unpack_srec
    roles: Mapping[Any, str] = _HEX_ROLES if kind is Format.HEX else _SREC_ROLES
    for number, line in enumerate(text.splitlines(), 1):
        record = line.strip()
        if not record:
            continue
        try:
            of_type, address, *_ = unpack(record)
        except bincopy.Error as error:
            raise FileError(f"line {number} is damaged: {error}") from None
        except (ValueError, IndexError):  # whose words are about Python
            raise FileError(
                f"line {number} is damaged: it is cut off, or has other characters than hexadecimal digits"
            ) from None
        yield _Record(number, roles.get(of_type, "other"), address)


def _check(records: Iterator[_Record], kind: Format) -> None:
    """Without its last record a file is cut off, which every record by itself cannot show."""
    count = 0
    ended = False
    for record in records:
        if ended and record.role == _DATA:
            raise FileError(f"line {record.line} has data behind the end of the file")
        if record.role == _COUNT and record.address != count:
            raise FileError(
                f"line {record.line} has counted {record.address} lines of data, but there are {count}"
            )
        count += record.role == _DATA
        ended = ended or record.role in (_COUNT, _END)
    if not ended:
        raise FileError(f"{kind.description} ends with an end record, this one does not: it is cut off")
