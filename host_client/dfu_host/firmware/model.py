"""What a firmware file says, whatever its format."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

from dfu_protocol.firmware_file import Element, Suffix


class Format(StrEnum):
    """How a file is written down. DFU is plain bytes with a DFU suffix; DfuSe files have one, too."""

    RAW = "raw"
    HEX = "hex"
    SREC = "srec"
    ELF = "elf"
    DFU = "dfu"
    DFUSE = "dfuse"

    @property
    def description(self) -> str:
        """With its article, for messages: ``an Intel HEX file``."""
        return _TITLES[self]

    @property
    def has_addresses(self) -> bool:
        """Whether a file of this format says where its bytes go."""
        return self not in (Format.RAW, Format.DFU)


_TITLES = {
    Format.RAW: "a raw file",
    Format.HEX: "an Intel HEX file",
    Format.SREC: "an S-record file",
    Format.ELF: "an ELF file",
    Format.DFU: "a DFU file",
    Format.DFUSE: "a DfuSe file",
}
_ENDINGS = {
    Format.RAW: {".bin", ".img"},
    Format.HEX: {".hex", ".ihex", ".ihx"},
    Format.SREC: {".s19", ".s28", ".s37", ".srec", ".mot"},
    Format.ELF: {".elf", ".axf"},
    Format.DFUSE: {".dfu"},
}


def format_of_name(name: str) -> Format | None:
    """What the ending of a file's name promises; None where it promises nothing."""
    ending = PurePath(name).suffix.lower()
    return next((kind for kind, endings in _ENDINGS.items() if ending in endings), None)


@dataclass(frozen=True, slots=True)
class Image:
    """Elements for one alternate setting; ``alternate`` None is the one the user chooses."""

    alternate: int | None
    elements: tuple[Element, ...]
    name: str | None = None

    @property
    def start(self) -> int:
        """The lowest address."""
        return min(element.address for element in self.elements)


@dataclass(frozen=True, slots=True)
class Firmware:
    """A whole file; ``suffix`` says which device it is for, where the file has a DFU suffix."""

    images: tuple[Image, ...]
    suffix: Suffix | None = None
