"""Chips are faster or slower than is typical: that is no difference, unless a host would see it."""

from dataclasses import replace

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel, FlashTimes, Span
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.replay.records import Outcome
from dfu_emulator.replay.steps import Step
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, Host, variant
from emulator.replay import scripts
from emulator.replay.files import transfers
from emulator.replay.log import DONE, MS, Log
from emulator.replay.recorder import found, recorded, replayed

ALL_MODELS = pytest.mark.parametrize("busy", BusyModel)


def with_erase(profile: Profile, typ: int) -> Profile:
    """A chip whose erases take ``typ`` microseconds, up to two seconds."""
    erase = {size: Span(Duration(typ), Duration(2_000_000)) for size in ("16K", "64K", "128K")}
    flash = {
        width: FlashTimes(times.program, erase, times.mass_erase)
        for width, times in profile.timing.flash.items()
    }
    return variant(profile, "timing", flash=flash)


def erases(host: Host) -> None:
    """A host that waits as the chip says."""
    host.idle()
    for sector in range(4):
        scripts.polled(host, 0, b"\x41" + (FLASH + sector * 0x4000).to_bytes(4, "little"))
    scripts.upload(host, size=64)


@ALL_MODELS
@pytest.mark.parametrize(("captured", "emulated"), [(20_000, 1_900_000), (1_900_000, 20_000)])
def test_a_faster_and_a_slower_chip(f405: Profile, busy: BusyModel, captured: int, emulated: int) -> None:
    profile = variant(f405, "bootloader", busy=busy)
    result = replayed(recorded(with_erase(profile, captured), erases), with_erase(profile, emulated))
    assert found(result) == []
    assert result.forced == []


def test_a_chip_slower_than_its_data_sheet(f405: Profile) -> None:
    profile = variant(f405, "bootloader", busy=BusyModel.POLL)
    steps = recorded(with_erase(profile, 3_000_000), erases)
    assert found(replayed(steps, profile))[0] == (
        "bState",
        "dfuDNBUSY",
        "dfuDNLOAD-IDLE",
        ("bootloader.busy", "bootloader.wedge_from", "timing.flash"),
    )


def mass_erase(host: Host) -> None:
    """It takes 16 s at the width of programming that applies after a reset."""
    host.idle()
    host.dnload(0, b"\x41")
    host.get_status()
    host.get_status()


def given_up(steps: list[Step], number: int, after: int) -> list[Step]:
    """The same, but the host has not waited longer than ``after`` for the DFU request with this number."""
    (late,) = (step for step in transfers(steps) if step.number == number)
    ended = replace(late, outcome=Outcome.NO_ANSWER, data=b"", took=after)
    return [ended if step is late else step for step in steps]


def test_a_host_that_gives_up_on_both(f405: Profile) -> None:
    steps = recorded(f405, mass_erase)
    last = steps[-1].number
    assert found(replayed(given_up(steps, last, 5_000_000), f405)) == []


def test_a_request_that_is_given_up_while_the_chip_is_busy_never_reaches_it(f405: Profile) -> None:
    """An ABORT that reached it would be stalled, and lead to dfuERROR."""
    log = Log()
    log.status((Status.FIRMWARE, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.download(0, b"\x41")
    log.status((Status.OK, 100, State.DNBUSY))
    log.transfer(SetupPacket.dfu(Request.ABORT), outcome=Outcome.NO_ANSWER, took=5000 * MS)
    log.status(DONE, took=11000 * MS)
    assert found(replayed(log.steps, f405)) == []


def test_a_host_that_gives_up_on_the_chip_alone(f405: Profile) -> None:
    def script(host: Host) -> None:
        mass_erase(host)
        host.get_status()

    steps = recorded(f405, script)
    (difference,) = found(replayed(given_up(steps, steps[-1].number, 1_000_000), f405))
    assert difference[:3] == ("answer", "no answer for 1.000 s", "6 bytes")


def test_a_host_that_would_give_up_on_the_emulator_alone(f405: Profile) -> None:
    steps = recorded(f405, mass_erase)
    quick = [replace(step, took=100_000) if step is steps[-1] else step for step in transfers(steps)]
    (difference,) = found(replayed([*quick], f405))
    assert difference == (
        "answer",
        "6 bytes",
        "no answer for 16.000 s",
        ("bootloader.busy", "bootloader.held_at", "timing.flash"),
    )
