"""What people do with a device, as operations: erase pages, and erase, write and verify a set of plans."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from dfu_host.conversation import Conversation, ignore
from dfu_host.errors import (
    DeviceResetError,
    HostError,
    InterruptedJob,
    ReadProtectedError,
    UsageError,
    VerifyError,
)
from dfu_host.ledger import Ledger
from dfu_host.plan import Plan, gaps
from dfu_host.progress import Track, silent
from dfu_host.steps import Operation, T
from dfu_host.survey import Care, survey
from dfu_protocol import Layout
from dfu_protocol.firmware_file import Element

_SHOWN_ON_MISMATCH = 16


class EraseMode(Enum):
    """What is erased before a write."""

    PAGES = "pages"
    MASS = "mass"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write came to: bytes erased and written, and whether all that was asked for was read back.

    ``there`` is False where the device has reset, as it does when its option bytes are written.
    """

    erased: int
    written: int
    verified: bool
    there: bool


def erase(
    conversation: Conversation, pages: Sequence[tuple[int, int]], track: Track = silent
) -> Operation[None]:
    """Erase the (address, size) pages of the selected alternate setting."""
    ledger = Ledger()
    yield from _accounted(conversation, ledger, _erase_pages(conversation, pages, ledger, track))


def mass_erase(conversation: Conversation, layout: Layout, track: Track = silent) -> Operation[None]:
    """Erase all of the flash, which is the selected alternate setting, with this layout."""
    ledger = Ledger()
    yield from _accounted(conversation, ledger, _mass_erase(conversation, layout, ledger, track))


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
    ``care`` forbids what the write would destroy. Any failure that breaks it off has ``remains``, and so has
    the InterruptedJob that becomes of a KeyboardInterrupt.
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
        remains = ledger.remains
        # A protected chip refuses the first erase as a whole.
        untouched = isinstance(error, ReadProtectedError) and not (remains.erased or remains.written)
        if ledger.begun and not untouched:
            error.remains = remains
        raise
    except KeyboardInterrupt:
        # A second Ctrl-C must not lose the only copy of what was to be preserved.
        with suppress(HostError, KeyboardInterrupt):
            yield from conversation.to_idle()
        raise InterruptedJob(ledger.remains) from None


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
    ordered = sorted(plans, key=lambda plan: not plan.erasable)
    if mode is EraseMode.PAGES:
        found = yield from survey(conversation, ordered, care, track)
        ordered = [plan for plan in found.plans if plan.writes]
        ledger.keep(found.kept)
    erased = yield from _erase_first(conversation, ordered, mode, ledger, track)
    there = True
    for plan in ordered:
        yield from conversation.select(plan.alternate)
        there = yield from _write(conversation, plan, will_reset, ordered[-1].writes[-1], ledger, track)
        if not there:
            break
        if verify and plan.readable:
            yield from _verify(conversation, plan.data, track)
    return Outcome(
        erased=erased,
        written=sum(len(element.data) for plan in ordered for element in plan.data),
        verified=verify and there and all(plan.readable for plan in ordered),
        there=there,
    )


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
    conversation: Conversation, plan: Plan, will_reset: bool, last: Element, ledger: Ledger, track: Track
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
                        raise DeviceResetError(
                            f"{error}. Writing option bytes resets the device: --will-reset expects that"
                        ) from None
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


def verify(
    conversation: Conversation, address: int, data: bytes, advance: Callable[[int], None] = ignore
) -> Operation[None]:
    """Read back ``data`` at ``address``; VerifyError where it differs, also when it is read once more."""
    size = conversation.transfer_size
    doubtful: list[int] = []
    done = 0

    def compare(block: bytes) -> None:
        nonlocal done
        if block != data[done : done + len(block)]:
            doubtful.append(done)
        done += len(block)
        advance(len(block))

    yield from conversation.read(address, len(data), compare)
    for start in doubtful:
        expected = data[start : start + size]
        found = yield from conversation.contents(address + start, len(expected))
        _compare(address + start, expected, found)


def _compare(address: int, expected: bytes, found: bytes) -> None:
    if expected == found:
        return
    at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b)
    end = at + _SHOWN_ON_MISMATCH
    raise VerifyError(address + at, expected[at:end], found[at:end])
