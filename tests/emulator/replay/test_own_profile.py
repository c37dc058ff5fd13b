"""Captured sessions against the profile of their own chip, and any session against any profile."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import BusyModel, Detach, HeldAt
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.replay import Start
from dfu_protocol import Request, SetupPacket
from emulator.chips import stm32f405
from emulator.host import Host, variant
from emulator.replay import scripts
from emulator.replay.recorder import found, recorded, replayed
from emulator.test_random_requests import anything, sensible

CHIPS = (
    "stm32f405",
    "stm32f072",
    "stm32f107",
    "stm32h743",
    "stm32g0b1",
    "stm32l476",
    "stm32l152re",
    "stm32u585",
)


def all_of_it(host: Host) -> None:
    """A whole session, that ends with the application or with a chip that is back."""
    scripts.enumerate_it(host)
    scripts.stumble(host)
    scripts.download(host)
    scripts.upload(host)
    scripts.download(host, leave=True)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_against_its_own_profile(chip: str) -> None:
    result = replayed(recorded(load(chip), all_of_it), load(chip))
    assert found(result) == []
    assert result.equal == result.transfers > result.requests > 50


@pytest.mark.parametrize("busy", BusyModel)
@pytest.mark.parametrize("held_at", HeldAt)
def test_each_busy_model_against_itself(f405: Profile, busy: BusyModel, held_at: HeldAt) -> None:
    profile = variant(f405, "bootloader", busy=busy, held_at=held_at)
    assert found(replayed(recorded(profile, all_of_it), profile)) == []


def test_a_chip_that_comes_back_from_detach_as_it_was(f405: Profile) -> None:
    def script(host: Host) -> None:
        host.idle()
        host.dfu(Request.DETACH)
        host.wait_for_return()
        host.get_status()

    profile = variant(f405, "bootloader", detach=Detach.REENUMERATE)
    steps = recorded(profile, script)
    slower = variant(profile, "timing", connect=Duration(5_000_000))
    for emulated in (profile, slower):
        assert found(replayed(steps, emulated)) == []


@settings(max_examples=150)
@given(
    st.sampled_from(BusyModel),
    st.integers(0, 1),
    st.lists(st.tuples(anything | sensible, st.integers(0, 600_000)), max_size=40),
)
def test_whatever_a_host_did_is_replayed_without_a_difference(
    busy: BusyModel, rdp: int, requests: list[tuple[tuple[SetupPacket, bytes], int]]
) -> None:
    profile = variant(stm32f405(), "bootloader", busy=busy)

    def script(host: Host) -> None:
        host.get_status()
        for (setup, data), pause in requests:
            try:
                host.clock.sleep(host.port.control(setup, data).hold % (1 << 40))
            except DeviceGone:
                return
            host.clock.sleep(pause)

    assert found(replayed(recorded(profile, script, rdp=rdp), profile, Start(rdp=rdp))) == []


@settings(max_examples=60)
@given(st.sampled_from(CHIPS), st.lists(anything | sensible, max_size=40))
def test_against_any_other_profile_there_is_a_report(
    chip: str, requests: list[tuple[SetupPacket, bytes]]
) -> None:
    def script(host: Host) -> None:
        host.get_status()
        for setup, data in requests:
            try:
                host.port.control(setup, data)
            except DeviceGone:
                return

    result = replayed(recorded(stm32f405(), script), load(chip))
    assert result.equal + result.differing + result.passed_over == result.transfers
