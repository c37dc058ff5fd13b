"""The memory map as a picture: a bar for each memory, all to one scale, the flash's with its sectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from dfu_emulator.profile.areas import Area, areas
from dfu_emulator.profile.model import Flash, Memory
from dfu_emulator.profile.spelling import spell_sectors, spell_size

_EIGHTHS = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Bar:
    """A memory: ``cells`` are one character each, ``note`` is what the picture cannot tell."""

    area: Area
    label: str
    cells: str
    note: str


def bytes_a_cell(memory: Memory, width: int) -> int:
    """The scale at which the largest memory fills at most ``width`` cells: a power of two."""
    largest = max(area.size for area in areas(memory))
    scale = 1
    while scale * width < largest:
        scale *= 2
    return scale


def bars(memory: Memory, scale: int, unicode: bool) -> Iterator[Bar]:
    """All memories by their address, ``scale`` bytes a cell."""
    for area in sorted(areas(memory), key=lambda area: area.start):
        if area.memory == "flash":
            cells = _sectors(memory.flash, scale, "█▒" if unicode else "#=")
        else:
            cells = _solid(area.size, scale, unicode)
        yield Bar(area, area.label, cells, _note(memory, area))


def _sectors(flash: Flash, scale: int, shades: str) -> str:
    """Neighbours in two shades; small ones may share a cell."""
    sizes = [size for count, size in flash.sectors for _ in range(count)]
    if max(sizes) < scale:
        return shades[0] * -(-flash.size // scale)
    cells, shade = "", 0
    for end in accumulate(sizes):
        if new := -(-end // scale) - len(cells):
            cells += shades[shade] * new
            shade = 1 - shade
    return cells


def _solid(size: int, scale: int, unicode: bool) -> str:
    full, rest = divmod(size, scale)
    if not unicode:
        return "#" * full + "." * bool(rest)
    return "█" * full + (_EIGHTHS[max(0, rest * 8 // scale - 1)] if rest else "")


def _note(memory: Memory, area: Area) -> str:
    match area.memory:
        case "flash":
            return ", ".join(map(spell_sectors, memory.flash.sectors))
        case "system" if memory.system.bootloader_id_address in range(area.start, area.end):
            number, address = memory.system.bootloader_id, memory.system.bootloader_id_address
            return f"bootloader id {number:#04x} at 0x{address:08X}"
        case "otp" if memory.otp:
            return f"{memory.otp.blocks}*{spell_size(memory.otp.block)}"
    return ""
