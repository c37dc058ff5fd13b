"""What people do with a device: erase pages, and erase, write and verify a set of plans."""

from collections.abc import Iterator, Sequence
from enum import Enum

from dfu_host.errors import DeviceResetError, VerifyError
from dfu_host.plan import Plan
from dfu_host.progress import Track, silent
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

_SHOWN_ON_MISMATCH = 16


class EraseMode(Enum):
    """What is erased before a write."""

    PAGES = "pages"
    MASS = "mass"
    NONE = "none"


def erase(session: Session, pages: Sequence[tuple[int, int]], track: Track = silent) -> None:
    """Erase the (address, size) pages of the selected alternate setting."""
    with track("erasing", sum(size for _, size in pages)) as advance:
        for address, size in pages:
            session.erase_page(address, size)
            advance(size)


def program(
    session: Session,
    plans: Sequence[Plan],
    *,
    mode: EraseMode = EraseMode.PAGES,
    verify: bool = True,
    will_reset: bool = False,
    track: Track = silent,
) -> bool:
    """Carry out the plans: erase, write, read back. Flash comes first, option bytes and the like last.

    With ``will_reset`` the device may vanish on the last write of memory that is not erasable, as it does
    when its option bytes change. False where it has; True where it is still there. VerifyError where
    something reads back differently.
    """
    ordered = sorted(plans, key=lambda plan: not plan.erasable)
    if mode is not EraseMode.NONE:
        _erase_all(session, ordered, mode, track)
    for plan in ordered:
        session.select(plan.alternate)
        with track("writing", sum(len(element.data) for element in plan.writes)) as advance:
            for element in plan.writes:
                data = _padded(session, plan, element) if plan.readable else element.data
                try:
                    session.write(element.address, data, advance)
                except DeviceResetError as error:
                    if plan.erasable:
                        raise
                    if not will_reset:
                        raise DeviceResetError(
                            f"{error}. Writing option bytes resets the device: --will-reset expects that"
                        ) from None
                    if element is not ordered[-1].writes[-1]:
                        raise
                    return False
        if verify and plan.readable:
            _verify(session, plan.data, track)
    return True


def _erase_all(session: Session, plans: Sequence[Plan], mode: EraseMode, track: Track) -> None:
    """Erase for all plans before the first write, so that none erases what another has written."""
    for plan in plans:
        if not plan.pages:
            continue
        session.select(plan.alternate)
        if mode is EraseMode.MASS:
            session.mass_erase()
            return
        erase(session, plan.pages, track)


def _padded(session: Session, plan: Plan, element: Element) -> bytes:
    """``element`` with the padding as it is in the memory: of an L0 or L1 that is not 0xFF."""
    data = bytearray(element.data)
    for start, end in _padding(plan, element):
        data[start - element.address : end - element.address] = b"".join(session.read(start, end - start))
    return bytes(data)


def _padding(plan: Plan, element: Element) -> Iterator[tuple[int, int]]:
    """(first, first behind) of each run of ``element`` that is not the plan's data."""
    at, end = element.address, element.address + len(element.data)
    for part in plan.data:
        if at <= part.address < end:
            if at < part.address:
                yield at, part.address
            at = part.address + len(part.data)
    if at < end:
        yield at, end


def _verify(session: Session, elements: Sequence[Element], track: Track) -> None:
    with track("verifying", sum(len(element.data) for element in elements)) as advance:
        for element in elements:
            done = 0
            for block in session.read(element.address, len(element.data)):
                _compare(element.address + done, element.data[done : done + len(block)], block)
                done += len(block)
                advance(len(block))


def _compare(address: int, expected: bytes, found: bytes) -> None:
    if expected == found:
        return
    at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b)
    end = at + _SHOWN_ON_MISMATCH
    raise VerifyError(address + at, expected[at:end], found[at:end])
