"""Firmware for tests, and files to put it in."""

from pathlib import Path
from struct import pack

from dfu_protocol.firmware_file import Element

START = 0x08000000
CODE = bytes(range(1, 51))
FAR = Element(0x08010010, b"far away")
ELEMENTS = (Element(START, CODE), FAR)


def put(folder: Path, name: str, content: bytes | bytearray | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def elf(
    elements: tuple[Element, ...],
    run_address: int = 0x20000000,
    machine: int = 40,
    kind: int = 2,
    *,
    sections: bool = True,
) -> bytes:
    """A minimal 32-bit little-endian ELF, of an ARM executable: a segment and a section for each element.

    The first section is .text, the others are .data; without ``sections`` it has none.
    """
    header_size, program_size, section_size = 52, 32, 40
    names = b"\0.text\0.data\0.shstrtab\0"
    at = header_size + program_size * len(elements)
    programs, table, body = b"", bytes(section_size), b""
    for number, element in enumerate(elements):
        size = len(element.data)
        name = 7 if number else 1
        programs += pack("<8I", 1, at + len(body), run_address, element.address, size, size, 5, 4)
        table += pack("<10I", name, 1, 6, run_address, at + len(body), size, 0, 0, 4, 0)
        body += element.data
    table += pack("<10I", 13, 3, 0, 0, at + len(body), len(names), 0, 0, 1, 0)
    if sections:
        body += names
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + pack("<HHI", kind, machine, 1)
    header += pack("<III", START, header_size, at + len(body) if sections else 0)
    counts = (section_size, len(elements) + 2, len(elements) + 1) if sections else (0, 0, 0)
    header += pack("<IHHHHHH", 0, header_size, program_size, len(elements), *counts)
    return header + programs + body + (table if sections else b"")
