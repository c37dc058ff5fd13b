"""Intel HEX and S-record files: text, one record a line, each with its own checksum."""

from collections.abc import Iterator
from typing import NamedTuple

from dfu_host.errors import FileError
from dfu_host.firmware.model import Format
from dfu_host.firmware.pieces import Piece, assembled
from dfu_protocol.firmware_file import Element

_PADDING = b"\x00\x1a \t\r\n"
"""What may be behind the last record: the end of a text in CP/M and DOS, and the rest of a block."""
_EXCERPT = 44
"""Characters of a damaged line that are shown, as much as the record of 16 bytes that most tools write."""


def parse(data: bytes, kind: Format) -> tuple[Element, ...]:
    """The data of a whole file, one element for each run of addresses.

    FileError names the line of a damaged record; it is raised as well where the last record is missing,
    where records are missing that the file has counted, and where an address has data twice.
    """
    if not data.isascii():
        raise FileError(f"{kind.description} is text, but this has bytes that are none")
    text = data.rstrip(_PADDING).decode("ascii")
    pieces = list(_pieces(_records(text, kind), kind))
    return assembled(pieces, lambda piece, _start, _end: f"line {piece.origin}")


class _Record(NamedTuple):
    """``role`` is one of the below; the ``address`` of a _COUNT is how many lines of data it has counted."""

    line: int
    role: str
    address: int
    data: bytes


_DATA, _COUNT, _END, _SEGMENT, _LINEAR, _OTHER = "data", "count", "end", "segment", "linear", "other"
_ROLES: dict[int | str, str] = (
    {0: _DATA, 1: _END, 2: _SEGMENT, 3: _OTHER, 4: _LINEAR, 5: _OTHER}
    | {"0": _OTHER}
    | dict.fromkeys("123", _DATA)
    | dict.fromkeys("56", _COUNT)
    | dict.fromkeys("789", _END)
)
"""By the type of a record: numbers are those of Intel HEX, digits those of S-records."""
_SHIFTS = {_SEGMENT: 4, _LINEAR: 16}
"""How many bits up a record moves what its two bytes say."""


def _records(text: str, kind: Format) -> Iterator[_Record]:
    """The records of a file; FileError where one is damaged."""
    # Slow to import, and of no use to commands that have no file.
    import bincopy

    unpack = bincopy.unpack_ihex if kind is Format.HEX else bincopy.unpack_srec
    for number, line in enumerate(text.splitlines(), 1):
        record = line.strip()
        if not record:
            continue
        try:
            of_type, address, _size, data = unpack(record)
        except bincopy.Error as error:
            raise FileError(
                f"line {number} is damaged: {str(error).replace(record, _excerpt(record))}"
            ) from None
        except (ValueError, IndexError):  # whose words are about Python
            raise FileError(
                f"line {number} is damaged: it is cut off, or has other characters than hexadecimal digits"
            ) from None
        role = _ROLES.get(of_type)
        if role is None or (role in _SHIFTS and len(data) != 2):
            raise FileError(f"line {number} is damaged: there is no such record of type {of_type}")
        yield _Record(number, role, address, bytes(data))


def _excerpt(record: str) -> str:
    return record if len(record) <= _EXCERPT else f"{record[:_EXCERPT]}..."


def _pieces(records: Iterator[_Record], kind: Format) -> Iterator[Piece]:
    """The data. Without its last record a file is cut off, which every record by itself cannot show."""
    count = 0
    ended = False
    bases = dict.fromkeys(_SHIFTS, 0)
    for record in records:
        if ended and record.role == _DATA:
            raise FileError(f"line {record.line} has data behind the end of the file")
        if record.role == _COUNT and record.address != count:
            raise FileError(
                f"line {record.line} has counted {record.address} lines of data, but there are {count}"
            )
        if record.role in _SHIFTS:
            bases[record.role] = int.from_bytes(record.data, "big") << _SHIFTS[record.role]
        if record.role == _DATA:
            count += 1
            yield Piece(sum(bases.values()) + record.address, record.line, record.data)
        ended = ended or record.role in (_COUNT, _END)
    if not ended:
        raise FileError(f"{kind.description} ends with an end record, this one does not: it is cut off")
