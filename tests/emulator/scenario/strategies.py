"""Faults at random, for property tests."""

from hypothesis import strategies as st

from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Moment, When
from dfu_emulator.scenario.scalars import Probability, StatusName

OF_GETSTATUS = (Do.POLL_TIMEOUT, Do.POWER_LOSS)
"""What happens to no other request."""


def any_fault(draw: st.DrawFn, do: Do, when: When, longest: int) -> Fault:
    """``do`` to the requests of ``when``, with any values; a delay takes up to ``longest`` microseconds."""
    return Fault(
        do=do,
        when=when,
        status=StatusName(draw(st.integers(1, 15))),
        time=Duration(draw(st.integers(0, longest))),
        bytes=draw(st.integers(0, 10)),
        bits=draw(st.integers(1, 30)),
        bwPollTimeout=draw(st.integers(0, 0xFFFFFF)),
        moment=draw(st.sampled_from(Moment)),
        back_after=draw(st.none() | st.builds(Duration, st.integers(0, 1_000_000))),
        done=Probability(draw(st.floats(0.01, 1))),
    )
