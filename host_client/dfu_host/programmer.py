"""``flashing`` as calls that end when it is done: what people do with a device, over a Session."""

from collections.abc import Sequence

from dfu_host import flashing
from dfu_host.flashing import EraseMode, Outcome
from dfu_host.plan import Plan
from dfu_host.progress import Track, silent
from dfu_host.session import Session
from dfu_host.survey import Care
from dfu_protocol import Layout

__all__ = ["Care", "EraseMode", "Outcome", "erase", "mass_erase", "program"]


def erase(
    session: Session, pages: Sequence[tuple[int, int]], track: Track = silent, *, verify: bool = True
) -> None:
    """Erase the (address, size) pages of the selected alternate setting, and check that they are blank."""
    session.run(flashing.erase(session.conversation, pages, track, verify=verify))


def mass_erase(session: Session, layout: Layout, track: Track = silent, *, verify: bool = True) -> None:
    """Erase all of the flash, the selected alternate setting with this layout, and check that it is blank."""
    session.run(flashing.mass_erase(session.conversation, layout, track, verify=verify))


def program(
    session: Session,
    plans: Sequence[Plan],
    *,
    mode: EraseMode = EraseMode.PAGES,
    care: Care = Care(),  # noqa: B008 - it is frozen
    verify: bool = True,
    will_reset: bool = False,
    track: Track = silent,
) -> Outcome:
    """Carry out the plans: look, erase, write, read back. ``flashing.program`` says what may go wrong."""
    return session.run(
        flashing.program(
            session.conversation,
            plans,
            mode=mode,
            care=care,
            verify=verify,
            will_reset=will_reset,
            track=track,
        )
    )
