"""ELF files: what their segments load, by the addresses where it is stored."""

from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from dfu_host.errors import FileError
from dfu_host.firmware.pieces import Piece, assembled
from dfu_protocol.firmware_file import Element

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_MACHINE = "EM_ARM"
_EXECUTABLE = "ET_EXEC"
_ALLOCATED = 0x2
"""SHF_ALLOC: the section takes memory as the program runs (ELF specification, section attribute flags)."""


def parse(data: bytes) -> tuple[Element, ...]:
    """The loadable data of a 32-bit little-endian ARM executable, one element for each run of addresses.

    FileError where it is for another machine, no executable, or damaged, and where segments overlap.
    """
    # Slow to import, and of no use to commands that have no file.
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(BytesIO(data))
        _check_machine(file)
        sections = _allocated(file)
        pieces = list(_pieces(file, data, sections))
    except (ELFError, ValueError, KeyError, IndexError, TypeError, UnicodeError) as error:
        raise FileError(f"this is no intact ELF file: {error}") from None
    return assembled(pieces, partial(_names, sections), "; the linker script stores both at one place")


def _check_machine(file: "ELFFile") -> None:
    machine = file["e_machine"]
    if machine != _MACHINE or file.elfclass != 32 or not file.little_endian:
        order = "little" if file.little_endian else "big"
        name = str(machine).removeprefix("EM_")
        raise FileError(
            f"this ELF file is for {name}, {file.elfclass} bits, {order}-endian;"
            " an STM32 runs ARM, 32 bits, little-endian"
        )
    if file["e_type"] != _EXECUTABLE:
        kind = str(file["e_type"]).removeprefix("ET_")
        raise FileError(f"this ELF file is of type {kind}, not an executable: link it first")


def _allocated(file: "ELFFile") -> list[Any]:
    """The sections whose bytes are loaded; none in a file that was stripped of its section headers."""
    return [
        section
        for section in file.iter_sections()
        if section["sh_flags"] & _ALLOCATED and section["sh_type"] != "SHT_NOBITS" and section["sh_size"]
    ]


def _pieces(file: "ELFFile", data: bytes, sections: Sequence[Any]) -> Iterator[Piece]:
    loads = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
    # Linkers that know no load addresses leave all of them 0.
    key = "p_paddr" if any(segment["p_paddr"] for segment in loads) else "p_vaddr"
    headers = file["e_phoff"] + file["e_phnum"] * file["e_phentsize"]
    for segment in loads:
        address, offset, end = segment[key], segment["p_offset"], segment["p_offset"] + segment["p_filesz"]
        if end > len(data):
            raise FileError(f"an ELF file that is cut off: data for 0x{address:08x} is missing")
        if offset < headers:
            # Some linkers put the file's own headers there, in front of the first section.
            first = min((s["sh_offset"] for s in sections if headers <= s["sh_offset"] < end), default=offset)
            address, offset = address + first - offset, first
        yield Piece(address, offset, data[offset:end])


def _names(sections: Sequence[Any], piece: Piece, start: int, end: int) -> str:
    """The sections that have these addresses, or else the place in the file."""
    first, behind = (piece.origin + address - piece.address for address in (start, end))
    named = (s.name for s in sections if s["sh_offset"] < behind and first < s["sh_offset"] + s["sh_size"])
    return ", ".join(filter(None, named)) or f"the segment from 0x{piece.origin:x} of the file on"
