"""What to flash: raw, DfuSe, Intel HEX, S-record and ELF files, as elements of bytes at addresses."""

from dataclasses import dataclass
from pathlib import Path

from dfu_host.errors import FileError, HostError, InputError, UsageError
from dfu_protocol import ProtocolError
from dfu_protocol.firmware_file import Element, Suffix, is_dfuse, parse_dfuse, split_suffix

_HEX_SUFFIXES = {".hex", ".ihex", ".ihx"}
_SREC_SUFFIXES = {".s19", ".s28", ".s37", ".srec", ".mot"}
_ELF_SUFFIXES = {".elf", ".axf"}
_ADDRESS_SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class Image:
    """Elements for one alternate setting; ``alternate`` None is the one the user chooses."""

    alternate: int | None
    elements: tuple[Element, ...]

    @property
    def start(self) -> int:
        """The lowest address."""
        return min(element.address for element in self.elements)


@dataclass(frozen=True, slots=True)
class Firmware:
    """A whole file; ``suffix`` says which device it is for, where the file has a DFU suffix."""

    images: tuple[Image, ...]
    suffix: Suffix | None = None


def load(path: Path, address: int | None = None) -> Firmware:
    """Read a firmware file. The name's ending tells the format; with any other ending the content does.

    ``address`` is where a raw file goes, and for raw files only. InputError where the file cannot be read,
    FileError where it is damaged or empty; UsageError where ``address`` is missing or superfluous.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    try:
        firmware = _parse(path.suffix.lower(), data, address)
    except ProtocolError as error:
        raise FileError(f"{path}: {error}") from None
    except HostError as error:
        raise type(error)(f"{path}: {error}") from None
    if not any(element.data for image in firmware.images for element in image.elements):
        raise FileError(f"{path}: there is nothing in it to write")
    return firmware


def _parse(ending: str, data: bytes, address: int | None) -> Firmware:
    kind = _kind(ending, data)
    if kind == "raw":
        if address is None:
            raise UsageError("a raw file does not say where it goes: give --address")
        body, suffix = split_suffix(data)
        return Firmware((Image(None, (Element(address, body),)),), suffix)
    if address is not None:
        raise UsageError(f"{_NAMES[kind]} has its own addresses: leave out --address")
    if kind == "dfuse":
        parsed = parse_dfuse(data)
        images = (Image(target.alternate, target.elements) for target in parsed.targets if target.elements)
        return Firmware(tuple(images), parsed.suffix)
    return Firmware((Image(None, _parse_with_bincopy(kind, data)),))


_NAMES = {
    "dfuse": "a DfuSe file",
    "hex": "an Intel HEX file",
    "srec": "an S-record file",
    "elf": "an ELF file",
}


def _kind(ending: str, data: bytes) -> str:
    if ending == ".bin":
        return "raw"
    if ending in _HEX_SUFFIXES:
        return "hex"
    if ending in _SREC_SUFFIXES:
        return "srec"
    if ending in _ELF_SUFFIXES or data.startswith(b"\x7fELF"):
        return "elf"
    if is_dfuse(data):
        return "dfuse"
    if ending != ".dfu":
        if data.startswith(b":"):
            return "hex"
        if data[:2] in (b"S0", b"S1", b"S2", b"S3"):
            return "srec"
    return "raw"


def _parse_with_bincopy(kind: str, data: bytes) -> tuple[Element, ...]:
    # Slow to import, and of no use to list, info, read and erase.
    import bincopy
    from elftools.common.exceptions import ELFError

    image = bincopy.BinFile()
    try:
        if kind == "elf":
            image.add_elf(data)
        else:
            if not data.isascii():
                raise FileError(f"{_NAMES[kind]} is text, but this has bytes that are none")
            text = data.decode("ascii")
            _check_end(kind, text)
            (image.add_ihex if kind == "hex" else image.add_srec)(text)
    except (bincopy.Error, ELFError, ValueError, KeyError, IndexError) as error:
        raise FileError(f"this is no intact {_NAMES[kind].split(' ', 1)[1]}: {error}") from None
    elements = tuple(Element(segment.minimum_address, bytes(segment.data)) for segment in image.segments)
    for element, segment in zip(elements, image.segments, strict=True):
        if len(element.data) != segment.maximum_address - segment.minimum_address:
            raise FileError(f"{_NAMES[kind]} that is cut off: data for 0x{element.address:08x} is missing")
        if segment.maximum_address > _ADDRESS_SPACE:
            raise FileError(f"the data for 0x{element.address:x} is above the 32-bit address space")
    return elements


def _check_end(kind: str, text: str) -> None:
    """Without its last record a file is cut off, which every record by itself cannot show."""
    lines = text.split()
    last = lines[-1].upper() if lines else ""
    ended = (
        last.startswith(":00") and last[7:9] == "01"
        if kind == "hex"
        else last[:2] in ("S5", "S6", "S7", "S8", "S9")
    )
    if not ended:
        raise FileError(f"{_NAMES[kind]} ends with an end record, this one does not: it is cut off")
