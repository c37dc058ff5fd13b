"""takes_data foretells whether the data stage of an OUT request is stalled, and changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.emulation import emulated
from dfu_emulator.port import DeviceGone
from dfu_emulator.timing import ManualClock
from dfu_protocol import Request, SetupPacket
from emulator.chips import stm32f405

dfu_requests = st.builds(
    SetupPacket,
    st.sampled_from([0x21, 0x21, 0x21, 0xA1]),
    st.sampled_from([*map(int, Request), 7]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0, 1, 6, 6, 2048, 2049]),
)
standard_requests = st.builds(
    SetupPacket, st.integers(0, 3), st.integers(0, 12), st.integers(0, 3), st.just(0), st.just(8)
)


@given(st.lists(dfu_requests, max_size=30), st.booleans(), standard_requests)
def test_what_is_foretold_happens(packets: list[SetupPacket], configured: bool, other: SetupPacket) -> None:
    with emulated(stm32f405(), clock=ManualClock()) as port:
        if configured:
            port.configure()
        for setup in (*packets, other):
            has_data = setup.wLength > 0 and not setup.is_in
            before = port.device.bootloader.state
            foretold = has_data and port.takes_data(setup)
            assert port.device.bootloader.state is before
            try:
                reply = port.control(setup, bytes(setup.wLength if has_data else 0))
            except DeviceGone:
                return
            if has_data and setup is not other:
                assert foretold is (reply.data is not None)
            elif has_data:  # a malformed standard request may be stalled too late
                assert foretold or reply.data is None
