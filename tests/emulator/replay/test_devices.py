"""Addresses that are given again: whose a request was is seen by what the devices tell of themselves."""

from dataclasses import replace

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.replay import Capture, CaptureError, find_session, replay
from dfu_emulator.replay.records import ControlTransfer
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_protocol import Request, SetupPacket
from emulator.host import Host, variant
from emulator.replay import scripts
from emulator.replay.recorder import Script, at, numbered, recorded

IDS = (0x0483, 0xDF11)
PLACE = (1, 2)
"""Where a recorded chip is."""


def arrived(profile: Profile, script: Script = scripts.enumerate_it_and_ask) -> list[Step]:
    """A new device as systems meet it: the recorded one is configured before it is asked what it is."""
    return recorded(profile, script)[1:]


@pytest.fixture
def chip(f405: Profile) -> list[Step]:
    return arrived(f405)


@pytest.fixture
def application(f405: Profile) -> list[Step]:
    """What the firmware of the same board is on the bus; a host asks it what no bootloader knows."""

    def script(host: Host) -> None:
        scripts.enumerate_it(host)
        host.dfu(Request.DNLOAD, 0, data=b"\0")

    return arrived(variant(f405, "usb", idProduct=0x5740), script)


def numbers(capture: Capture) -> list[int]:
    return [step.number for step in find_session(capture, *IDS).steps]


def test_the_address_was_anothers_before(f405: Profile, application: list[Step], chip: list[Step]) -> None:
    capture = numbered(application, chip)
    session = find_session(capture, *IDS)
    assert [step.number for step in session.steps] == list(
        range(len(application) + 1, len(capture.steps) + 1)
    )
    assert replay(session, f405).differences == []


def test_the_address_is_anothers_afterwards(f405: Profile, application: list[Step], chip: list[Step]) -> None:
    capture = numbered(chip, application)
    assert numbers(capture) == list(range(1, len(chip) + 1))
    assert replay(find_session(capture, *IDS), f405).differences == []


def test_a_chip_that_comes_back_to_where_its_application_was(
    f405: Profile, application: list[Step], chip: list[Step]
) -> None:
    session = find_session(numbered(chip, application, chip), *IDS)
    assert session.places == (PLACE, PLACE)
    assert [type(step) for step in session.steps].count(Arrival) == 1
    assert replay(session, f405).differences == []


def test_how_it_gets_the_address_is_the_new_devices(application: list[Step], chip: list[Step]) -> None:
    """Linux asks for the first bytes of the descriptor before it asks for all."""
    descriptor = next(
        step for step in chip if isinstance(step, ControlTransfer) and step.setup.wValue == 0x0100
    )
    beginning = replace(descriptor, data=descriptor.data[:8], setup=SetupPacket(0x80, 6, 0x0100, 0, 8))
    gets_it = Reset(0, application[-1].at, *PLACE)
    session = find_session(numbered(application, [gets_it, beginning], chip), *IDS)
    first, second, *_ = session.steps
    assert (type(first), first.number) == (Arrival, len(application) + 1)
    assert isinstance(second, ControlTransfer)
    assert second.setup == beginning.setup


def test_a_chip_that_is_reset_is_the_same(f405: Profile, chip: list[Step]) -> None:
    capture = numbered(chip, [Reset(0, chip[-1].at, *PLACE)], chip)
    assert numbers(capture) == list(range(1, 2 * len(chip) + 2))


def test_boards_with_other_serial_numbers(f405: Profile, chip: list[Step]) -> None:
    other = recorded(f405, scripts.enumerate_it_and_ask, unique_id=(1, 2, 3))
    capture = numbered(chip, at(other, (1, 3)))
    with pytest.raises(CaptureError) as caught:
        find_session(capture, *IDS)
    assert str(caught.value) == "several DFU devices in it: 1.2, 1.3; choose the chip with --device"
    assert find_session(capture, *IDS, (1, 3)).places == ((1, 3),)


def test_others_of_the_same_ids_at_one_address(f405: Profile, chip: list[Step]) -> None:
    other = arrived(variant(f405, "usb", bcdDevice=0x2100))
    capture = numbered(chip, other)
    second = len(chip) + 1
    listed = f"1.2@1, 1.2@{second}"
    for chosen in ((), (PLACE,)):
        with pytest.raises(CaptureError) as caught:
            find_session(capture, *IDS, *chosen)
        assert str(caught.value) == f"several DFU devices in it: {listed}; choose the chip with --device"
    for since, begin in ((1, 1), (second - 1, 1), (second, second), (second + 3, second)):
        assert find_session(capture, *IDS, PLACE, since).steps[0].number == begin
    with pytest.raises(CaptureError, match=rf"no device 1\.2@0 in it; there are: {listed}"):
        find_session(capture, *IDS, PLACE, 0)
