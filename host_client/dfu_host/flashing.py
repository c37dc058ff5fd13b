"""What people do with a device, as operations: erase pages, and erase, write and verify a set of plans."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from dfu_host.conversation import Conversation
from dfu_host.errors import (
    DeviceResetError,
    HostError,
    InterruptedJob,
    ReadProtectedError,
    UsageError,
    VerifyError,
)
from dfu_host.extents import extent_of, without
from dfu_host.ledger import Ledger
from dfu_host.plan import Plan, allows, clipped, gaps
from dfu_host.progress import Track, silent
from dfu_host.readback import check_erased, verify
from dfu_host.steps import Operation, T
from dfu_host.survey import Care, survey
from dfu_protocol import Access, Layout
from dfu_protocol.firmware_file import Element


class EraseMode(Enum):
    """What is erased before a write."""

    PAGES = "pages"
    MASS = "mass"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write came to: bytes erased, bytes written of what was asked for, and whether all was read back.

    ``there`` is False where the device has reset, as it does when its option bytes are written.
    """

    erased: int
    written: int
    verified: bool
    there: bool


def erase(
    conversation: Conversation,
    pages: Sequence[tuple[int, int]],
    track: Track = silent,
    *,
    verify: bool = True,
) -> Operation[None]:
    """Erase the (address, size) pages of the selected alternate setting.

    With ``verify`` they are read: NotErasedError where one is not blank, as a write-protected page, of which
    most ROMs say nothing; RefusedError where they cannot be read.
    """
    ledger = Ledger()
    yield from _accounted(conversation, ledger, _erase_pages(conversation, pages, ledger, track))
    if verify:
        yield from _accounted(conversation, ledger, check_erased(conversation, pages, track))


def mass_erase(
    conversation: Conversation, layout: Layout, track: Track = silent, *, verify: bool = True
) -> Operation[None]:
    """Erase all of the flash, which has this layout and is selected, and check it as ``erase`` does."""
    ledger = Ledger()
    yield from _accounted(conversation, ledger, _mass_erase(conversation, layout, ledger, track))
    if verify:
        pages = [page for s in layout.segments if allows(s, Access.ERASABLE) for page in s.pages()]
        yield from _accounted(conversation, ledger, check_erased(conversation, pages, track))


def program(
    conversation: Conversation,
    plans: Sequence[Plan],
    *,
    mode: EraseMode = EraseMode.PAGES,
    care: Care = Care(),  # noqa: B008 - it is frozen
    verify: bool = True,
    will_reset: bool = False,
    track: Track = silent,
) -> Operation[Outcome]:
    """Carry out the plans: look, erase, write, read back. Flash comes first, option bytes and the like last.

    With ``will_reset`` the device may vanish on the last write of memory that is not erasable, as it does
    when its option bytes change. VerifyError where something reads back differently, NeighbourError where
    ``care`` forbids what the write would destroy. Any exception that breaks it off once something was begun
    has ``remains``, and so has the InterruptedJob that becomes of a KeyboardInterrupt; where it is none of
    ours, the device is brought to dfuIDLE if it can be.
    Pages with data to be preserved are erased and written one after the other, before all else.
    """
    if mode is not EraseMode.PAGES and (care.compares or care.preserve):
        raise UsageError("comparing and preserving go page by page, with no other way of erasing")
    if mode is EraseMode.MASS and not any(plan.pages for plan in plans):
        raise UsageError("a mass erase is for flash, and none of the data goes there")
    ledger = Ledger()
    job = _program(conversation, plans, mode, care, verify, will_reset, ledger, track)
    return (yield from _accounted(conversation, ledger, job))


def _accounted(conversation: Conversation, ledger: Ledger, job: Operation[T]) -> Operation[T]:
    """The job, with what it leaves on the chip told where it ends before its time."""
    try:
        return (yield from job)
    except VerifyError as error:
        ledger.misread(error.address)
        if ledger.remains.unrestored:
            error.remains = ledger.remains
        raise
    except HostError as error:
        # A read-protected chip changes nothing, and some say OK to it all the same.
        if ledger.begun and not isinstance(error, ReadProtectedError):
            error.remains = ledger.remains
        raise
    except GeneratorExit as end:  # after which no step can be taken
        _tell(end, ledger)
        raise
    except BaseException as end:  # Ctrl-C, a cancelled task, or a mistake in what is told the progress
        # A second one must not lose the only copy of what was to be preserved.
        with suppress(BaseException):
            yield from conversation.to_idle()
        if isinstance(end, KeyboardInterrupt):
            raise InterruptedJob(ledger.remains) from None
        _tell(end, ledger)
        raise


def _tell(end: BaseException, ledger: Ledger) -> None:
    """Give any exception its ``remains``, as those of ours have it."""
    if ledger.begun:
        setattr(end, "remains", ledger.remains)  # noqa: B010 - its class does not declare it
        end.add_note(str(ledger.remains))


def _program(
    conversation: Conversation,
    plans: Sequence[Plan],
    mode: EraseMode,
    care: Care,
    verify: bool,
    will_reset: bool,
    ledger: Ledger,
    track: Track,
) -> Operation[Outcome]:
    ordered = rest = sorted(plans, key=lambda plan: not plan.erasable)
    kept: tuple[Element, ...] = ()
    erased, there = 0, True
    if mode is EraseMode.PAGES:
        found = yield from survey(conversation, ordered, care, track)
        ordered = [plan for plan in found.plans if plan.writes]
        kept = found.kept
        ledger.keep(kept)
        shared, rest = _apart(ordered, kept)
        for page in shared:  # one after the other: no more than that is at risk at a time
            erased += yield from _erase_first(conversation, [page], mode, ledger, track)
            yield from _write(conversation, page, will_reset, None, ledger, track)
    erased += yield from _erase_first(conversation, rest, mode, ledger, track)
    for plan, left in zip(ordered, rest, strict=True):
        yield from conversation.select(plan.alternate)
        if left.writes:
            last = left.writes[-1] if plan is ordered[-1] else None
            there = yield from _write(conversation, left, will_reset, last, ledger, track)
        if not there:
            break
        if verify and plan.readable and plan.data:
            yield from _verify(conversation, plan.data, track)
    return Outcome(
        erased=erased,
        written=sum(len(element.data) for plan in ordered for element in plan.data)
        - sum(len(element.data) for element in kept),
        verified=verify and there and all(plan.readable for plan in ordered),
        there=there,
    )


def _apart(plans: Sequence[Plan], kept: Sequence[Element]) -> tuple[list[Plan], list[Plan]]:
    """A plan for each page that has something of ``kept``, and what is left then of each of ``plans``."""
    shared: list[Plan] = []
    rest: list[Plan] = []
    for plan in plans:
        pages = [
            (address, size)
            for address, size in plan.pages
            if size % plan.align == 0 and any(clipped(kept, address, address + size))
        ]
        if not pages:
            rest.append(plan)
            continue
        shared += [plan.revised([page], clipped(plan.data, page[0], sum(page))) for page in pages]
        extents = [(address, address + size) for address, size in pages]
        places = without(map(extent_of, plan.data), extents)
        data = [part for start, end in places for part in clipped(plan.data, start, end)]
        rest.append(plan.revised([page for page in plan.pages if page not in pages], data))
    return shared, rest


def _erase_first(
    conversation: Conversation, plans: Sequence[Plan], mode: EraseMode, ledger: Ledger, track: Track
) -> Operation[int]:
    """Erase for all plans before the first write, so that none erases what another has written."""
    erased = 0
    for plan in plans:
        if not plan.pages or mode is EraseMode.NONE:
            continue
        yield from conversation.select(plan.alternate)
        if mode is EraseMode.MASS:
            return (yield from _mass_erase(conversation, plan.layout, ledger, track))
        yield from _erase_pages(conversation, plan.pages, ledger, track)
        erased += sum(size for _, size in plan.pages)
    return erased


def _mass_erase(conversation: Conversation, layout: Layout, ledger: Ledger, track: Track) -> Operation[int]:
    start, end = layout.segments[0].address, layout.segments[-1].end
    with track("erasing", end - start) as advance:
        with ledger.erasing(start, end - start):
            yield from conversation.mass_erase()
        advance(end - start)
    return end - start


def _erase_pages(
    conversation: Conversation, pages: Sequence[tuple[int, int]], ledger: Ledger, track: Track
) -> Operation[None]:
    with track("erasing", sum(size for _, size in pages)) as advance:
        for address, size in pages:
            with ledger.erasing(address, size):
                yield from conversation.erase_page(address, size)
            advance(size)


def _write(
    conversation: Conversation,
    plan: Plan,
    will_reset: bool,
    last: Element | None,
    ledger: Ledger,
    track: Track,
) -> Operation[bool]:
    """Write a plan's data; False where the device has reset on the ``last`` of all, as it then may."""
    with track("writing", sum(len(element.data) for element in plan.writes)) as advance:
        for element in plan.writes:
            data = (yield from _padded(conversation, plan, element)) if plan.readable else element.data
            with ledger.writing(element.address, len(data), conversation.transfer_size) as done:

                def note(count: int, done: Callable[[int], None] = done) -> None:
                    done(count)
                    advance(count)

                try:
                    yield from conversation.write(element.address, data, note)
                except DeviceResetError as error:
                    if plan.erasable:
                        raise
                    if not will_reset:
                        reset = DeviceResetError(
                            f"{error}. Writing option bytes resets the device: --will-reset (will_reset=True)"
                            " expects that"
                        )
                        reset.lasting = True
                        raise reset from None
                    if element is not last:
                        raise
                    return False
    return True


def _padded(conversation: Conversation, plan: Plan, element: Element) -> Operation[bytes]:
    """``element`` with the padding as it is in the memory: of an L0 or L1 that is not 0xFF."""
    data = bytearray(element.data)
    for start, end in gaps(element.address, len(element.data), plan.data):
        held = yield from conversation.contents_for_sure(start, end - start)
        data[start - element.address : end - element.address] = held
    return bytes(data)


def _verify(conversation: Conversation, elements: Sequence[Element], track: Track) -> Operation[None]:
    with track("verifying", sum(len(element.data) for element in elements)) as advance:
        for element in elements:
            yield from verify(conversation, element.address, element.data, advance)
