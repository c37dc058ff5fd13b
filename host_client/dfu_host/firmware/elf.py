"""ELF files: what their segments load, by the addresses where it is stored."""

from io import BytesIO

from dfu_host.errors import FileError
from dfu_protocol.firmware_file import Element

_ADDRESS_SPACE = 1 << 32
_MACHINE = "EM_ARM"
_EXECUTABLE = "ET_EXEC"


def parse(data: bytes) -> tuple[Element, ...]:
    """The loadable data of a 32-bit little-endian ARM executable, one element for each run of addresses.

    FileError where it is for another machine, no executable, or damaged.
    """
    # Slow to import, and of no use to commands that have no file.
    import bincopy
    from elftools.common.exceptions import ELFError

    image = bincopy.BinFile()
    try:
        _check_machine(data)
        image.add_elf(data)
    except (bincopy.Error, ELFError, ValueError, KeyError, IndexError, UnicodeError) as error:
        raise FileError(f"this is no intact ELF file: {error}") from None
    elements = tuple(Element(segment.minimum_address, bytes(segment.data)) for segment in image.segments)
    for element, segment in zip(elements, image.segments, strict=True):
        if len(element.data) != segment.maximum_address - segment.minimum_address:
            raise FileError(f"an ELF file that is cut off: data for 0x{element.address:08x} is missing")
        if segment.maximum_address > _ADDRESS_SPACE:
            raise FileError(f"the data for 0x{element.address:x} is above the 32-bit address space")
    return elements


def _check_machine(data: bytes) -> None:
    from elftools.elf.elffile import ELFFile

    file = ELFFile(BytesIO(data))
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
