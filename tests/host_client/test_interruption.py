"""A write that is broken off anywhere: what is said of the chip is true, and ``resume`` completes it."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator import profile
from dfu_emulator.port import Transfer
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Moment, Requests, Scenario, When
from dfu_emulator.scenario.scalars import Probability
from dfu_emulator.transports.inprocess import Backend
from dfu_host import DeviceGoneError, InterruptedJob, Outcome, Remains
from dfu_host.bus import pick
from dfu_host.device import Device
from dfu_protocol import Request, State
from host_client.bench import FLASH, Bench, bench

POINTS = {"stm32f405": 100, "stm32l432": 50, "stm32h743": 50, "stm32l083": 20}
NEW = bytes((i * 7 + i // 256) & 0xFF for i in range(18_016))
OLD = bytes((i * 5 + 3) & 0xFF for i in range(20_000))

load = cache(profile.load)
pytestmark = pytest.mark.parametrize("chip", POINTS)


class Interrupting(Backend):
    """Somebody presses Ctrl-C before or after one of the transfers."""

    countdown = -1
    after = False

    def ctrl_transfer(self, *arguments: Any) -> int:
        self.countdown -= 1
        if self.countdown == 0 and not self.after:
            raise KeyboardInterrupt
        answer = super().ctrl_transfer(*arguments)
        if self.countdown == 0:
            raise KeyboardInterrupt
        return answer


def prepared(chip: str, folder: Path) -> Path:
    """An image with old data in it."""
    flash = load(chip).memory.flash
    image = folder / "flash.img"
    image.write_bytes(OLD + bytes([flash.erased]) * (flash.size - len(OLD)))
    return image


def opened(there: Bench) -> Device:
    return Device(pick(backend=there.backend), sleep=there.sleep)


def write(device: Device, *, resume: bool = False) -> Outcome:
    """A write of NEW over OLD, whose rest nobody wants."""
    try:
        return device.write(FLASH, NEW, preserve=False, resume=resume)
    finally:
        device.close()


def rehearsal(chip: str, folder: Path) -> list[Transfer]:
    """The DFU requests of a write that nothing disturbs."""
    with bench(load(chip), prepared(chip, folder)) as there:
        device = opened(there)
        there.transfers.clear()
        device.write(FLASH, NEW, preserve=False)
        return [transfer for transfer in there.transfers if transfer.setup.type]


def check(remains: Remains | None, chip: str, flash: bytes) -> None:
    """What is said of the chip is so."""
    assert remains is not None
    for start, end in remains.written:
        assert flash[start - FLASH : end - FLASH] == NEW[start - FLASH : end - FLASH]
    for start, end in remains.erased:
        assert set(flash[start - FLASH : end - FLASH]) == {load(chip).memory.flash.erased}
    if not str(remains).startswith("on the chip now"):
        assert flash.startswith(OLD)


def check_that_it_resumes(there: Bench) -> None:
    there.come_back()
    assert write(opened(there), resume=True).verified
    assert there.flash[: len(NEW)] == NEW


def test_ctrl_c(chip: str, tmp_path: Path) -> None:
    transfers = len(rehearsal(chip, tmp_path))
    chance = random.Random(chip)
    for point in chance.sample(range(1, transfers), min(POINTS[chip], transfers - 1)):
        with bench(load(chip), prepared(chip, tmp_path)) as there:
            there.backend = backend = Interrupting(there.port)
            device = opened(there)
            backend.countdown, backend.after = point, chance.random() < 0.5
            with pytest.raises(KeyboardInterrupt) as caught:
                write(device)
            assert there.state is State.DFU_IDLE
            if isinstance(caught.value, InterruptedJob):
                check(caught.value.remains, chip, there.flash)
            check_that_it_resumes(there)


def test_the_cable(chip: str, tmp_path: Path) -> None:
    requests = len(rehearsal(chip, tmp_path))
    chance = random.Random(chip)
    for point in chance.sample(range(1, requests), min(POINTS[chip], requests - 1)):
        fault = Fault(
            do=Do.DISCONNECT,
            when=When(nth=point),
            moment=chance.choice(list(Moment)),
            back_after=Duration(1_000_000),
        )
        scenario = Scenario(faults=(fault,))
        with bench(load(chip), prepared(chip, tmp_path), scenario=scenario) as there:
            with pytest.raises(DeviceGoneError) as caught:
                write(opened(there))
            if caught.value.remains:
                check(caught.value.remains, chip, there.flash)
            check_that_it_resumes(there)


@pytest.mark.parametrize("action", ["erase", "write"])
def test_the_power(chip: str, action: str, tmp_path: Path) -> None:
    """Half-erased sectors, whose bits are anything, and half-written blocks."""
    jobs = [transfer.reply.job for transfer in rehearsal(chip, tmp_path) if transfer.reply.job]
    begins = [
        number for number, job in enumerate(jobs, 1) if any(effect.action == action for effect in job.effects)
    ]
    chance = random.Random(chip)
    for point in [chance.choice(begins) for _ in range(POINTS[chip] // 2)]:
        fault = Fault(
            do=Do.POWER_LOSS,
            when=When(request=Requests.of(Request.GETSTATUS), nth=point),
            done=Probability(chance.uniform(0.01, 1)),
            back_after=Duration(1_000_000),
        )
        scenario = Scenario(faults=(fault,))
        with bench(load(chip), prepared(chip, tmp_path), scenario=scenario, seed=point) as there:
            with pytest.raises(DeviceGoneError) as caught:
                write(opened(there))
            check(caught.value.remains, chip, there.flash)
            assert caught.value.remains
            assert caught.value.remains.doubtful
            check_that_it_resumes(there)
