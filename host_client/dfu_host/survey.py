"""A look at the pages before the first erase: what can stay as it is, and what must not be destroyed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dfu_host.conversation import Conversation
from dfu_host.errors import NeighbourError, UsageError
from dfu_host.extents import extent_of, joined
from dfu_host.plan import Plan, clipped, gaps
from dfu_host.progress import Track, silent
from dfu_host.steps import Operation
from dfu_protocol.firmware_file import Element


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
        if _is_readable(plan, care)
    }
    if not care.compares:
        looked_at = {
            page: data
            for page, data in looked_at.items()
            if care.preserve is not False and any(gaps(*page, data))
        }
    if not looked_at:
        return Survey(tuple(plans), ())
    verdicts: dict[tuple[int, int], Verdict] = {}
    with track("comparing", sum(size for _, size in looked_at)) as advance:
        for plan in plans:
            mine = [page for page in looked_at if owners[page] is plan]
            if mine:
                yield from conversation.select(plan.alternate)
            for address, size in mine:
                read = conversation.contents_for_sure if care.preserve else conversation.contents
                before = yield from read(address, size)
                verdicts[address, size] = judge(
                    address, before, looked_at[address, size], plan.align, plan.erased, care
                )
                advance(size)
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


def _owners(plans: Sequence[Plan]) -> dict[tuple[int, int], Plan]:
    """Each page, and the first plan that touches it: alternate settings may share memory."""
    owners: dict[tuple[int, int], Plan] = {}
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
    owners: dict[tuple[int, int], Plan],
    verdicts: dict[tuple[int, int], Verdict],
) -> Plan:
    pages: list[tuple[int, int]] = []
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
