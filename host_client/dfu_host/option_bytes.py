"""What option bytes say of protection, by where a family has them.

Only what the reference manuals say of all parts of a family is decoded; the rest is raw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from dfu_host.extents import Extent, joined
from dfu_host.plan import Page, allows
from dfu_protocol import Access, Layout

Areas: TypeAlias = Sequence[bytes]
"""The option bytes of a chip: one run of bytes for each segment of their layout.

Where a family has a ``whole``, so many bytes from the start on may follow.
"""


@dataclass(frozen=True, slots=True)
class Bits:
    """Write protection by bits: ``count`` of them from the byte at each (area, offset) of ``groups`` on.

    Each stands for ``unit`` bytes of flash, or for a sector where that is None, and protects where it is
    ``protects``. With ``rest`` the last one stands for all that follows, too.
    """

    groups: tuple[tuple[int, int], ...]
    count: int
    unit: int | None = None
    protects: int = 0
    rest: bool = False

    def protects_pages(self, areas: Areas, pages: Sequence[Page]) -> list[bool | None]:
        """Of each of ``pages`` whether it is protected; None where ``areas`` do not have its bit."""
        bits = [
            areas[area][offset + bit // 8] >> bit % 8 & 1
            for area, offset in self.groups
            if area < len(areas) and offset + (self.count + 7) // 8 <= len(areas[area])
            for bit in range(self.count)
        ]
        protected: list[bool | None] = []
        for number, (address, _) in enumerate(pages):
            index = number if self.unit is None else (address - pages[0][0]) // self.unit
            if self.rest:
                index = min(index, len(bits) - 1)
            protected.append(bits[index] == self.protects if 0 <= index < len(bits) else None)
        return protected


@dataclass(frozen=True, slots=True)
class Ranges:
    """Write protection by the numbers of a first and a last page: (area, offset, offset, bank) each."""

    pairs: tuple[tuple[int, int, int, int], ...]

    def protects_pages(self, areas: Areas, pages: Sequence[Page]) -> list[bool | None]:
        """Of each of ``pages`` whether it is protected; the second bank begins in their middle.

        None where ``areas`` have no pair whose numbers reach it.
        """
        protected: set[int] = set()
        reached: set[int] = set()
        for area, first, last, bank in self.pairs:
            if area < len(areas) and last < len(areas[area]):
                base = bank * len(pages) // 2
                protected.update(range(base + areas[area][first], base + areas[area][last] + 1))
                reached.update(range(base, base + 256))
        return [number in protected if number in reached else None for number in range(len(pages))]


_RDP = {0xAA: "level 0", 0xCC: "level 2"}


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family has what. ``levels`` names the values of the byte at ``protection``, of the first area.

    ``permanent`` values of it cannot be taken back. ``complement`` is the size in bytes of the values that
    are followed by their complement, 0 where none are; ``source`` says where all this is written.
    ``page_size`` of the flash, and the number of ``areas``, where families differ in no more than that.
    ``whole`` is how many bytes can be read from the start on, where the layout shows fewer.
    """

    name: str
    start: int
    protection: int
    source: str
    levels: Mapping[int, str] = field(default_factory=lambda: _RDP)
    otherwise: str = "level 1"
    permanent: frozenset[int] = frozenset({0xCC})
    complement: int = 0
    write_protection: Bits | Ranges | None = None
    page_size: int | None = None
    areas: int | None = None
    whole: int | None = None

    def fits(self, option_bytes: Layout, page_size: int | None) -> bool:
        """Whether option bytes of this layout, beside flash with pages of this size, can be this family's."""
        segments = option_bytes.segments
        return (
            self.start == segments[0].address
            and self.start + self.protection < segments[0].end
            and self.page_size in (None, page_size)
            and self.areas in (None, len(segments))
        )

    def level(self, areas: Areas) -> str:
        """The read protection, or what the family has in its place, e.g. ``level 0``."""
        return self.levels.get(areas[0][self.protection], self.otherwise)

    def write_protected(self, areas: Areas, flash: Layout) -> list[Extent]:
        """Each run of write-protected pages."""
        return self._pages(areas, flash, True)

    def write_protection_unknown(self, areas: Areas, flash: Layout) -> list[Extent]:
        """Each run of pages of whose protection ``areas`` do not tell."""
        return self._pages(areas, flash, None)

    def _pages(self, areas: Areas, flash: Layout, protected: bool | None) -> list[Extent]:
        if self.write_protection is None:
            return []
        pages = [page for s in flash.segments if allows(s, Access.ERASABLE) for page in s.pages()]
        found = zip(pages, self.write_protection.protects_pages(areas, pages), strict=True)
        return joined((address, address + size) for (address, size), state in found if state is protected)

    def with_complements(self, before: bytes, after: bytes) -> bytes:
        """``after`` with the complement of each value that is not the one of ``before``."""
        width = self.complement
        values = bytearray(after)
        for at in range(0, len(after) - 2 * width + 1, 2 * width) if width else ():
            value = after[at : at + width]
            if value != before[at : at + width]:
                values[at + width : at + 2 * width] = bytes(byte ^ 0xFF for byte in value)
        return bytes(values)


_F0_BITS = Bits(((0, 8), (0, 10), (0, 12), (0, 14)), 8, unit=4096, rest=True)
_TWO_RANGES = Ranges(((0, 0x18, 0x1A, 0), (0, 0x20, 0x22, 0), (1, 0x18, 0x1A, 1), (1, 0x20, 0x22, 1)))
_FOUR_RANGES = Ranges(((0, 0x18, 0x1A, 0), (0, 0x1C, 0x1E, 0), (0, 0x28, 0x2A, 1), (0, 0x2C, 0x2E, 1)))

FAMILIES = (
    Family(
        "STM32F0, F3",
        0x1FFFF800,
        0,
        "RM0091, RM0316: option byte description",
        complement=1,
        write_protection=_F0_BITS,
    ),
    Family(
        "STM32F1",
        0x1FFFF800,
        0,
        "RM0008, PM0075: option byte description",
        levels={0xA5: "level 0"},
        permanent=frozenset(),
        complement=1,
        write_protection=_F0_BITS,
    ),
    Family(
        "STM32F42x, F43x, F46x, F47x",
        0x1FFFC000,
        1,
        "RM0090, RM0386: description of the option bytes",
        write_protection=Bits(((0, 8), (1, 8)), 12),
        areas=2,
    ),
    Family(
        "STM32F2, F4",
        0x1FFFC000,
        1,
        "RM0033, RM0090, RM0430: description of the option bytes",
        write_protection=Bits(((0, 8),), 15, rest=True),
    ),
    Family(
        "STM32F7",
        0x1FFF0000,
        1,
        "RM0385: option byte organization",
        write_protection=Bits(((0, 8),), 12),
    ),
    Family(
        "STM32L0, L1",
        0x1FF80000,
        0,
        "RM0367, RM0038: option byte format",
        complement=2,
        write_protection=Bits(tuple((0, 8 + 4 * n) for n in range(6)), 16, unit=4096, protects=1),
    ),
    Family(
        "STM32L4, G0, G4, C0",
        0x1FFF7800,
        0,
        "RM0351, RM0444, RM0440, RM0490: option byte organization",
        complement=4,
        write_protection=_TWO_RANGES,
    ),
    Family(
        "STM32U0",
        0x1FFF7000,
        0,
        "RM0503: option byte organization",
        complement=4,
        write_protection=_TWO_RANGES,
    ),
    Family(
        "STM32WB",
        0x1FFF8000,
        0,
        "RM0434: option byte organization",
        complement=4,
        write_protection=_TWO_RANGES,
    ),
    Family(
        "STM32L4+",
        0x1FF00000,
        0,
        "RM0432: option byte organization",
        complement=4,
        write_protection=_TWO_RANGES,
    ),
    Family(
        "STM32L5, U5",
        0x40022040,
        0,
        "RM0438, RM0456: FLASH_OPTR and the registers behind it",
        levels={**_RDP, 0x55: "level 0.5 with TrustZone, else level 1"},
        write_protection=_FOUR_RANGES,
    ),
    Family(
        "STM32H5, C5",
        0x40022050,
        1,
        "RM0481: product states",
        levels={
            0xED: "product state open",
            0x17: "product state provisioning",
            0x2E: "product state iROT-provisioned",
            0xC6: "product state TZ-closed",
            0x72: "product state closed",
            0x5C: "product state locked",
        },
        otherwise="product state unknown",
        permanent=frozenset({0x2E, 0xC6, 0x72, 0x5C}),
    ),
    Family(
        "STM32H7A3, H7B3",
        0x5200201C,
        1,
        "RM0455: flash interface registers",
        write_protection=Bits(((0, 0x1C), (0, 0x11C)), 32, unit=32 * 1024),
        page_size=8192,
    ),
    Family(
        "STM32H7",
        0x5200201C,
        1,
        "RM0433, RM0468: flash interface registers",
        write_protection=Bits(((0, 0x1C), (1, 0x11C)), 8),
        whole=308,  # what STM32CubeProgrammer reads by DFU of an H743, whose layout says 128
    ),
)


def family_of(option_bytes: Layout, flash: Layout | None, areas: Areas) -> Family | None:
    """The family whose option bytes are where this layout has them; None where that is none of them.

    Of two in the same place it is the one that knows the read protection in ``areas``: a chip whose option
    bytes can be read is at level 0, which the STM32F1 spells otherwise than the F0 and F3.
    """
    page_size = flash.segments[0].size if flash else None
    fitting = [family for family in FAMILIES if family.fits(option_bytes, page_size)]
    knowing = (family for family in fitting if areas[0][family.protection] in family.levels)
    return next(knowing, next(iter(fitting), None))
