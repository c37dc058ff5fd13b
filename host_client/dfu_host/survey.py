"""A look at the pages before the first erase: what can stay as it is, and what must not be destroyed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dfu_host.conversation import Conversation
from dfu_host.errors import NeighbourError, UsageError
from dfu_host.extents import Extent, extent_of, joined
from dfu_host.plan import Page, Plan, clipped, gaps
from dfu_host.progress import Track, silent
from dfu_host.steps import Operation
from dfu_protocol.firmware_file import Element

_BLOCKS_FOR_AN_ADDRESS = 8
"""How many blocks can be read while another address is set: ten requests, and some ROMs take 0.1 s."""


@dataclass(frozen=True, slots=True)
class Care:
    """How much a write cares for what is in the memory before it.

    ``diff`` leaves alone what is already right, and erases no page of which only erased flash words are to be
    written. ``resume`` leaves alone the pages that are right as a whole and does the others anew: after a
    broken transfer, an erased word may be half erased. ``preserve`` says what becomes of other data in the
    pages to erase: it is written back (True), given up (False), or a NeighbourError before anything is
    changed (None).
    """

    diff: bool = False
    resume: bool = False
    preserve: bool | None = None

    @property
    def compares(self) -> bool:
        """Whether every page is looked at."""
        return self.diff or self.resume


class Survey(NamedTuple):
    """What is left to do: the plans, and what of their data is that of neighbours, to be written back."""

    plans: tuple[Plan, ...]
    kept: tuple[Element, ...]


class Verdict(NamedTuple):
    """What to do with one page: erase it or not, what to write, and what of that is the neighbours'."""

    erase: bool
    data: tuple[Element, ...] = ()
    kept: tuple[Element, ...] = ()


def survey(
    conversation: Conversation, plans: Sequence[Plan], care: Care, track: Track = silent
) -> Operation[Survey]:
    """Read the pages that matter and reduce the plans to what has to be done.

    NeighbourError where data would be lost that nobody has given up; UsageError where memory that cannot be
    read is to be compared or preserved.
    """
    owners = _owners(plans)
    looked_at = {
        page: tuple(data for plan in plans for data in clipped(plan.data, page[0], sum(page)))
        for page, plan in owners.items()
        if _is_readable(plan, care) and (care.compares or care.preserve is not False)
    }
    if not looked_at:
        return Survey(tuple(plans), ())
    found = yield from _look(conversation, plans, owners, looked_at, care, track)
    verdicts = {
        page: judge(page[0], _held(page, found), data, owners[page].align, owners[page].erased, care)
        for page, data in looked_at.items()
    }
    kept = tuple(element for verdict in verdicts.values() for element in verdict.kept)
    if kept and care.preserve is None:
        raise NeighbourError(joined(extent_of(element) for element in kept))
    return Survey(tuple(_reduced(plan, plans, owners, verdicts) for plan in plans), kept)


def judge(
    address: int, before: bytes, data: Sequence[Element], align: int, erased: int, care: Care
) -> Verdict:
    """What becomes of the page at ``address`` that holds ``before`` and is to hold ``data``."""
    after = bytearray(before)
    for element in data:
        offset = element.address - address
        after[offset : offset + len(element.data)] = element.data
    if care.compares and after == before:
        return Verdict(erase=False)
    if care.diff and not care.resume:
        words = _words_that_differ(before, after, align)
        if all(
            before[word : word + align].count(erased) == len(before[word : word + align]) for word in words
        ):
            places = (address + word for word in words)
            changed = (part for place in places for part in clipped(data, place, place + align))
            return Verdict(erase=False, data=tuple(changed))
    kept = () if care.preserve is False else tuple(_neighbours(address, before, data, erased))
    return Verdict(erase=True, data=tuple(data), kept=kept)


def _look(
    conversation: Conversation,
    plans: Sequence[Plan],
    owners: Mapping[Page, Plan],
    looked_at: Mapping[Page, Sequence[Element]],
    care: Care,
    track: Track,
) -> Operation[list[Element]]:
    """What is in these pages, as far as it matters, read in as few goes as pays."""
    goes: dict[int, list[Extent]] = {}
    for plan in plans:
        mine = {page: data for page, data in looked_at.items() if owners[page] is plan}
        if extents := list(_goes(mine, conversation.transfer_size, care)):
            goes.setdefault(plan.alternate, []).extend(extents)
    if not goes:
        return []
    read, times = (conversation.contents_for_sure, 2) if care.preserve else (conversation.contents, 1)
    total = times * sum(end - start for extents in goes.values() for start, end in extents)
    found: list[Element] = []
    with track("comparing", total) as advance:
        for alternate, extents in goes.items():
            yield from conversation.select(alternate)
            for start, end in extents:
                found.append(Element(start, (yield from read(start, end - start, advance))))
    return found


def _goes(pages: Mapping[Page, Sequence[Element]], block: int, care: Care) -> Iterator[Extent]:
    """What to read of the pages in one go each: all where it is compared, else where there may be neighbours.

    Such gaps are read together, with our data between them, where that is quicker than to set an address.
    """
    for start, end in joined((address, address + size) for address, size in pages):
        if care.compares:
            yield start, end
            continue
        data = [element for page in pages for element in pages[page] if start <= page[0] < end]
        for gap in joined(gaps(start, end - start, data), _BLOCKS_FOR_AN_ADDRESS * block):
            yield _in_whole_blocks(gap, (start, end), block)


def _in_whole_blocks(extent: Extent, bounds: Extent, block: int) -> Extent:
    """``extent`` grown within ``bounds``, because a short block behind whole ones needs its own address."""
    start, end = extent
    if end - start <= block:
        return extent
    end += min(-(end - start) % block, bounds[1] - end)
    return start - min(-(end - start) % block, start - bounds[0]), end


def _held(page: Page, found: Iterable[Element]) -> bytes:
    """What has been ``found`` in the page; zeros where nothing was looked for."""
    address, size = page
    held = bytearray(size)
    for part in clipped(found, address, address + size):
        offset = part.address - address
        held[offset : offset + len(part.data)] = part.data
    return bytes(held)


def _owners(plans: Sequence[Plan]) -> dict[Page, Plan]:
    """Each page, and the first plan that touches it: alternate settings may share memory."""
    owners: dict[Page, Plan] = {}
    for plan in plans:
        for page in plan.pages:
            owners.setdefault(page, plan)
    return owners


def _is_readable(plan: Plan, care: Care) -> bool:
    if not plan.readable and (care.compares or care.preserve):
        raise UsageError(
            f"alternate {plan.alternate} cannot be read, so nothing in it can be compared or preserved"
        )
    return plan.readable


def _reduced(
    plan: Plan,
    plans: Sequence[Plan],
    owners: dict[Page, Plan],
    verdicts: dict[Page, Verdict],
) -> Plan:
    pages: list[Page] = []
    data = list(plan.fixed())
    for page, owner in owners.items():
        if owner is not plan:
            continue
        verdict = verdicts.get(page)
        if verdict is None:
            everything = (part for p in plans for part in clipped(p.data, page[0], sum(page)))
            verdict = Verdict(erase=True, data=tuple(everything))
        if verdict.erase:
            pages.append(page)
        data += [*verdict.data, *verdict.kept]
    return plan.revised(pages, data)


def _words_that_differ(before: bytes, after: bytearray, align: int) -> list[int]:
    """Offset of each flash word that is not to stay as it is."""
    return [
        word
        for word in range(0, len(before), align)
        if before[word : word + align] != after[word : word + align]
    ]


def _neighbours(address: int, before: bytes, data: Sequence[Element], erased: int) -> Iterator[Element]:
    """What the gaps around ``data`` hold, without erased bytes at either end."""
    blank = bytes([erased])
    for start, end in gaps(address, len(before), data):
        held = before[start - address : end - address]
        if trimmed := held.strip(blank):
            yield Element(start + len(held) - len(held.lstrip(blank)), trimmed)
