"""What logs tell of real chips, as a capture would have had it: their profiles do not differ from that."""

import pytest

from dfu_emulator.profile import Profile, load
from dfu_emulator.replay.records import Outcome
from dfu_emulator.replay.steps import Step
from dfu_protocol import Erase, MassErase, Request, SetAddress, SetupPacket, State, Status
from emulator.host import FLASH
from emulator.replay.log import DONE, IDLE, MS, Log
from emulator.replay.recorder import found, replayed

H743_WEDGE = 0x08100000


def h743_rev_v() -> list[Step]:
    """dfu-util ticket 88: 128 KiB take 0.9 s inside GETSTATUS; from 0x08100000 on erases never end."""
    log = Log()
    log.status(IDLE)
    log.download(0, Erase(0x080E0000).build())
    log.status((Status.OK, 1000, State.DNBUSY), took=900 * MS)
    log.status(DONE)
    log.download(0, Erase(H743_WEDGE).build())
    log.status(*[(Status.OK, 1000, State.DNBUSY)] * 4)
    log.request(Request.CLRSTATUS)
    log.status((Status.UNKNOWN, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.status(IDLE)
    return log.steps


def f4_of_256_kib() -> list[Step]:
    """The documentation of modm: 100 ms for an erase, 104 ms for all else; then it leaves."""
    log = Log()
    log.status((Status.FIRMWARE, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.status(IDLE)
    log.download(0, Erase(FLASH).build())
    log.status((Status.OK, 100, State.DNBUSY))
    log.status(DONE, took=300 * MS)
    for place, size in ((0, 2048), (2048, 12)):
        log.job(0, SetAddress(FLASH + place).build(), 104)
        log.job(2, bytes(size), 104)
    log.job(0, SetAddress(FLASH).build(), 104)
    log.transfer(SetupPacket.dfu(Request.DNLOAD))
    log.status((Status.OK, 104, State.MANIFEST))
    log.transfer(SetupPacket.dfu(Request.GETSTATUS, 0, 6), outcome=Outcome.FAILED)
    return log.steps


def f072_polled_early() -> list[Step]:
    """A GETSTATUS before bwPollTimeout is up is stalled, and does no harm."""
    log = Log()
    log.status((Status.FIRMWARE, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.download(0, Erase(FLASH).build())
    timeout = load("stm32f072").timing.poll_timeout.erase
    log.status((Status.OK, timeout, State.DNBUSY), early=True)
    for _ in range(3):
        log.transfer(SetupPacket.dfu(Request.GETSTATUS, 0, 6), outcome=Outcome.STALL, took=timeout * 200)
    log.transfer(SetupPacket.dfu(Request.GETSTATE, 0, 1), bytes((State.DNBUSY,)), took=timeout * MS)
    log.status(DONE)
    return log.steps


def c5() -> list[Step]:
    """CLRSTATUS outside dfuERROR stalls; the DFU functional descriptor is not to be had by itself."""
    log = Log()
    log.status(IDLE)
    log.request(Request.CLRSTATUS, Outcome.STALL)
    log.status(IDLE)
    log.transfer(SetupPacket(0x81, 6, 0x2100, 0, 9), outcome=Outcome.NO_ANSWER, took=5000 * MS)
    log.status(IDLE)
    return log.steps


def f767_mass_erase() -> list[Step]:
    """dfu-util gives up after 5 s."""
    log = Log()
    log.status((Status.FIRMWARE, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.status(IDLE)
    log.download(0, MassErase().build())
    timeout = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
    log.transfer(timeout, outcome=Outcome.NO_ANSWER, took=5000 * MS)
    return log.steps


LOGS = {
    "stm32h743": h743_rev_v,
    "stm32f401cc": f4_of_256_kib,
    "stm32f072": f072_polled_early,
    "stm32c562": c5,
    "stm32f767": f767_mass_erase,
}


@pytest.mark.parametrize("chip", LOGS)
def test_the_profile_does_not_differ_from_the_log(chip: str) -> None:
    result = replayed(LOGS[chip](), load(chip))
    assert found(result) == []
    assert result.passed_over == 0


@pytest.mark.parametrize(
    ("chip", "profile", "keys"),
    [
        (
            "stm32h743",
            load("stm32h743", rom_version="rev Y"),
            {("bootloader.busy", "bootloader.wedge_from", "timing.flash")},
        ),
        ("stm32f401cc", load("stm32f072"), set()),
        ("stm32f072", load("stm32f405"), {("bootloader.busy",)}),
        ("stm32c562", load("stm32g0b1"), {("bootloader.clrstatus",), ("usb.lone_functional",)}),
        ("stm32f767", load("stm32f072"), {("bootloader.busy", "bootloader.held_at", "timing.flash")}),
    ],
)
def test_another_profile_does(chip: str, profile: Profile, keys: set[tuple[str, ...]]) -> None:
    assert {finding[3] for finding in found(replayed(LOGS[chip](), profile))} == keys
