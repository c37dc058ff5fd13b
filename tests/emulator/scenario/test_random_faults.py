"""Whatever faults there are and whatever a host sends: an answer, or a device that is gone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.port import DeviceGone
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Moment, Requests, Scenario, Times, When
from dfu_emulator.scenario.scalars import Probability, StatusName
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.chips import stm32f405
from emulator.host import plugged
from emulator.test_random_requests import anything, sensible

_GETSTATUS_ALONE = (Do.POLL_TIMEOUT, Do.POWER_LOSS)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    do = draw(st.sampled_from(Do))
    request = Request.GETSTATUS if do in _GETSTATUS_ALONE else draw(st.sampled_from(Request))
    when = When(
        request=Requests.of(request),
        nth=draw(st.integers(1, 4)),
        times=Times(draw(st.integers(1, 3))),
        chance=Probability(draw(st.sampled_from([0.5, 1.0]))),
    )
    return Fault(
        do=do,
        when=when,
        status=StatusName(draw(st.integers(1, 15))),
        time=Duration(draw(st.integers(0, 10_000_000))),
        bytes=draw(st.integers(0, 10)),
        bits=draw(st.integers(1, 30)),
        bwPollTimeout=draw(st.integers(0, 0xFFFFFF)),
        moment=draw(st.sampled_from(Moment)),
        back_after=draw(st.none() | st.builds(Duration, st.integers(0, 1_000_000))),
        done=Probability(draw(st.floats(0.01, 1))),
    )


@given(
    st.lists(faults(), max_size=4),
    st.lists(st.one_of(sensible, anything), max_size=40),
    st.integers(0, 99),
    st.sampled_from(["fast", "real"]),
)
@settings(deadline=None)
def test_there_is_an_answer_or_no_device(
    faulty: list[Fault], packets: list[tuple[SetupPacket, bytes]], seed: int, timing: str
) -> None:
    with plugged(stm32f405(), scenario=Scenario(faults=tuple(faulty)), seed=seed, timing=timing) as host:
        for setup, data in packets:
            try:
                if data:
                    host.port.takes_data(setup)
                reply = host.port.control(setup, data)
            except DeviceGone:
                if host.port.returns_at is None:
                    return
                host.wait_for_return()
                continue
            assert reply.data is None or len(reply.data) <= max(setup.wLength, len(data))
            assert host.port.device.bootloader.state in State
            assert host.port.device.bootloader.status in Status
