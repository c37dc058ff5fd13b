"""Arithmetic of a flashing job, before any device is touched: blocks, padding, pages, bounds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from dfu_host.errors import FileError, UsageError
from dfu_host.extents import extent_of, joined, spell
from dfu_protocol import FIRST_DATA_BLOCK, Access, Layout, Segment
from dfu_protocol.firmware_file import Element

Page: TypeAlias = tuple[int, int]
"""Address and size."""

DEFAULT_ALIGN = 32
"""The largest flash word of an STM32 (H74x). Smaller ones divide it, it divides pages and wTransferSize."""

_LAST_BLOCK = 0xFFFF
_USBFS_MAX = 4096
"""Bytes that Linux takes in one control transfer from a program."""

_PADDING = 0xFF
_PAGE_OF_L1 = 256
"""Bytes; those of an L0 have 128, all others at least 1024 (reference manuals, embedded flash)."""


class Chunk(NamedTuple):
    """One DNLOAD or UPLOAD: ``size`` bytes at ``address``, by block ``block`` of ``pointer``."""

    pointer: int
    block: int
    address: int
    size: int


def chunks(address: int, length: int, transfer_size: int) -> Iterator[Chunk]:
    """Cut ``length`` bytes from ``address`` on into blocks of ``transfer_size``, the last maybe shorter.

    The device works out a block's address as pointer + (wBlockNum - 2) * wTransferSize (AN3156), so
    ``transfer_size`` must be the descriptor's wTransferSize. The pointer moves on where wBlockNum would not
    fit 16 bits, and for a shorter block: ST's notes can also be read as multiplying by its length. No block
    is larger than what Linux lets a program send at once.
    """
    pointer = address
    step = min(transfer_size, _USBFS_MAX)
    for offset in range(0, length, step):
        size = min(step, length - offset)
        block = FIRST_DATA_BLOCK + (address + offset - pointer) // transfer_size
        if block > _LAST_BLOCK or size < transfer_size:
            pointer, block = address + offset, FIRST_DATA_BLOCK
        yield Chunk(pointer, block, address + offset, size)


@dataclass(frozen=True, slots=True)
class Plan:
    """What writing some data to one alternate setting takes.

    ``data`` is what was asked for, without overlaps; ``writes`` the same with padding where it is needed;
    ``pages`` the (address, size) of each page to erase. ``readable`` says whether it can be verified, and
    ``erasable`` is False for option bytes and the like. ``layout`` is the memory's, ``align`` the flash word
    that the writes are made of.
    """

    alternate: int
    data: tuple[Element, ...]
    writes: tuple[Element, ...]
    pages: tuple[tuple[int, int], ...]
    readable: bool
    erasable: bool
    layout: Layout
    align: int

    @property
    def erased(self) -> int:
        """The value of an erased byte."""
        sizes = [s.size for s in self.layout.segments if allows(s, Access.ERASABLE)]
        return erased_byte(min(sizes)) if sizes else 0xFF

    def fixed(self) -> Iterator[Element]:
        """What of ``data`` is in memory that cannot be erased."""
        for segment in self.layout.segments:
            if not allows(segment, Access.ERASABLE):
                yield from clipped(self.data, segment.address, segment.end)

    def revised(self, pages: Iterable[tuple[int, int]], data: Iterable[Element]) -> "Plan":
        """The plan to erase just these of its pages and to write this instead."""
        runs = _pad(_in_order(data), self.layout, 1)
        writes = _pad(runs, self.layout, self.align)
        return replace(self, pages=tuple(pages), data=runs, writes=writes)


def erased_byte(page_size: int) -> int:
    """Its value in such pages: STM32L0 and L1, alone in having pages this small, erase to zero."""
    return 0x00 if page_size <= _PAGE_OF_L1 else 0xFF


def plan_write(alternate: int, layout: Layout, elements: Iterable[Element], align: int) -> Plan:
    """Plan to write ``elements`` to the alternate setting that has this ``layout``.

    In erasable memory starts and ends that are no multiple of ``align`` bytes are padded with 0xFF: the ROM
    refuses to program part of a flash word, and flash with ECC to program one twice. Other memory gets its
    bytes as they are, because 0xFF in an option byte means something. FileError where data overlaps or lies
    outside the writable memory, UsageError where ``align`` is no power of two.
    """
    if align < 1 or align.bit_count() != 1:
        raise UsageError(f"align is {align}, which is no power of two")
    data = _in_order(elements)
    for element in data:
        _check_inside(layout, alternate, element)
    writes = _pad(data, layout, align)
    touched = [segment for element in data for segment in _segments_of(layout, element)]
    return Plan(
        alternate=alternate,
        data=data,
        writes=writes,
        pages=_pages(layout, ((e.address, e.address + len(e.data)) for e in writes)),
        readable=all(allows(segment, Access.READABLE) for segment in touched),
        erasable=any(allows(segment, Access.ERASABLE) for segment in touched),
        layout=layout,
        align=align,
    )


def plan_erase(layout: Layout, address: int, length: int) -> tuple[tuple[int, int], ...]:
    """(address, size) of each page that ``length`` bytes from ``address`` on touch.

    UsageError where one of them is not in erasable memory, or there are none.
    """
    if length < 1:
        raise UsageError(f"{length} is no number of bytes to erase")
    at = address
    while at < address + length:
        segment = layout.segment_at(at)
        if segment is None or not allows(segment, Access.ERASABLE):
            erasable = spell_ranges(layout, Access.ERASABLE)
            if not erasable:
                raise UsageError(f"{layout.name.strip()} cannot be erased")
            raise UsageError(f"0x{at:08x} is not in erasable memory, which is {erasable}")
        at = segment.end
    return _pages(layout, [(address, address + length)])


def clipped(elements: Iterable[Element], start: int, end: int) -> Iterator[Element]:
    """The parts of ``elements`` from address ``start`` up to ``end``, which is not included."""
    for element in elements:
        first, behind = max(element.address, start), min(element.address + len(element.data), end)
        if first < behind:
            yield Element(first, element.data[first - element.address : behind - element.address])


def gaps(address: int, size: int, elements: Iterable[Element]) -> Iterator[tuple[int, int]]:
    """(first, first behind) of each run of these ``size`` bytes that is in none of ``elements``."""
    at, end = address, address + size
    for element in sorted(clipped(elements, address, end), key=lambda element: element.address):
        if at < element.address:
            yield at, element.address
        at = max(at, element.address + len(element.data))
    if at < end:
        yield at, end


def contiguous_end(layout: Layout, address: int) -> int | None:
    """First address behind the segments that follow each other without a gap from ``address`` on.

    None where ``address`` is in no segment.
    """
    end = None
    while segment := layout.segment_at(address):
        end = address = segment.end
    return end


def check_length(layout: Layout, address: int, length: int) -> None:
    """UsageError where the memory ends before ``length`` bytes from ``address`` on.

    Where ``address`` is in no segment, that is not known.
    """
    end = contiguous_end(layout, address)
    if end is not None and address + length > end:
        raise UsageError(
            f"{length} bytes from 0x{address:08x} on are too many: the memory ends at 0x{end - 1:08x}"
        )


def allows(segment: Segment, access: Access) -> bool:
    """True where the segment's type permits ``access``. A string without types leaves it to the device."""
    return not segment.access or bool(segment.access & access)


def spell_ranges(layout: Layout, access: Access) -> str:
    """The ranges of a layout that permit ``access``, e.g. ``0x08000000..0x0800ffff``; "" if none does."""
    ranges = [(segment.address, segment.end) for segment in layout.segments if allows(segment, access)]
    return spell(joined(ranges))


def _in_order(elements: Iterable[Element]) -> tuple[Element, ...]:
    ordered = sorted((e for e in elements if e.data), key=lambda e: e.address)
    for before, after in pairwise(ordered):
        if before.address + len(before.data) > after.address:
            raise FileError(f"the file has data for 0x{after.address:08x} more than once")
    return tuple(ordered)


def _check_inside(layout: Layout, alternate: int, element: Element) -> None:
    at, end = extent_of(element)
    while at < end:
        segment = layout.segment_at(at)
        if segment is None or not allows(segment, Access.WRITABLE):
            memory, writable = (
                f"alternate {alternate} ({layout.name.strip()})",
                spell_ranges(layout, Access.WRITABLE),
            )
            why = f"0x{at:08x} is outside the writable memory of {memory}, which is {writable}"
            raise FileError(
                f"the data for {spell([extent_of(element)])} does not fit: "
                + (why if writable else f"{memory} cannot be written")
            )
        at = segment.end


def _segments_of(layout: Layout, element: Element) -> list[Segment]:
    end = element.address + len(element.data)
    return [s for s in layout.segments if s.address < end and element.address < s.end]


def _pad(data: Sequence[Element], layout: Layout, align: int) -> tuple[Element, ...]:
    """Grow each element to multiples of ``align`` in its erasable segment; join those that then touch."""
    ranges: list[tuple[int, int, list[Element]]] = []
    for element in data:
        start, end = extent_of(element)
        segments = _segments_of(layout, element)
        if allows(segments[0], Access.ERASABLE):
            start = max(start - start % align, segments[0].address)
        if allows(segments[-1], Access.ERASABLE):
            end = min(end + -end % align, segments[-1].end)
        if ranges and start <= ranges[-1][1]:
            before, behind, elements = ranges.pop()
            ranges.append((before, max(behind, end), [*elements, element]))
        else:
            ranges.append((start, end, [element]))
    return tuple(_fill(*run) for run in ranges)


def _fill(start: int, end: int, elements: Iterable[Element]) -> Element:
    buffer = bytearray([_PADDING]) * (end - start)
    for element in elements:
        offset = element.address - start
        buffer[offset : offset + len(element.data)] = element.data
    return Element(start, bytes(buffer))


def _pages(layout: Layout, ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The erasable pages that the (start, end) ranges touch, each once, in order."""
    pages: dict[int, int] = {}
    for start, end in ranges:
        for segment in layout.segments:
            if not allows(segment, Access.ERASABLE):
                continue
            first = max(start, segment.address)
            first -= (first - segment.address) % segment.size
            for address in range(first, min(end, segment.end), segment.size):
                pages[address] = segment.size
    return tuple(sorted(pages.items()))
