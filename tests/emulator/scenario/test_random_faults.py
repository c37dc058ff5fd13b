"""Whatever faults there are and whatever a host sends: an answer, or a device that is gone."""

from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.port import DeviceGone
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, Times, When
from dfu_emulator.scenario.scalars import Probability
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.chips import stm32f405
from emulator.host import plugged
from emulator.scenario.strategies import OF_GETSTATUS, any_fault
from emulator.test_random_requests import anything, sensible


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    do = draw(st.sampled_from(Do))
    request = Request.GETSTATUS if do in OF_GETSTATUS else draw(st.sampled_from(Request))
    when = When(
        request=Requests.of(request),
        nth=draw(st.integers(1, 4)),
        times=Times(draw(st.integers(1, 3))),
        chance=Probability(draw(st.sampled_from([0.5, 1.0]))),
    )
    return any_fault(draw, do, when, longest=10_000_000)


@given(
    st.lists(faults(), max_size=4),
    st.lists(st.one_of(sensible, anything), max_size=40),
    st.integers(0, 99),
    st.sampled_from(["fast", "real"]),
)
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
