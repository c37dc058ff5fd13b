"""Whatever fails on the way: where a verified write says that it went well, the flash is right.

Where it does not, what was to be preserved is on the chip or in the error.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.profile import load
from dfu_emulator.scenario import Do, Fault, Numbers, Requests, Scenario, Times, When
from dfu_emulator.scenario.scalars import Probability
from dfu_host import DfuDevice, HostError, Outcome
from dfu_host.bus import pick
from dfu_host.device import Device
from dfu_protocol import Request
from emulator.scenario.strategies import OF_GETSTATUS, any_fault
from host_client.bench import FLASH, Bench, bench

CHIPS = ["stm32f405", "stm32f072", "stm32l432", "stm32h743", "stm32l083"]
NEW = bytes((i * 7 + i // 256) & 0xFF for i in range(9000))
OLD = bytes((i * 5 + 3) & 0xFF for i in range(10000))
DATA_BLOCKS = Numbers((2, 0xFFFF))
"""A command whose data flips means another one, which no host can tell; USB's own CRC is there for that."""


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    do = draw(st.sampled_from(Do))
    if do in OF_GETSTATUS:
        request = Request.GETSTATUS
    else:
        request = draw(st.sampled_from([r for r in Request if r is not Request.DETACH]))
    corrupts_data = do is Do.CORRUPT and request is Request.DNLOAD
    when = When(
        request=Requests.of(request),
        block=DATA_BLOCKS if corrupts_data else None,
        nth=draw(st.integers(1, 12)),
        times=Times(draw(st.sampled_from([1, 1, 2, 5, Times.always]))),
        chance=Probability(draw(st.sampled_from([0.1, 0.5, 1.0]))),
    )
    return any_fault(draw, do, when, longest=15_000_000)


def write(chip: Bench, found: DfuDevice, diff: bool, resume: bool, preserve: bool) -> Outcome:
    """A verified write of NEW, over a device that was found before the faults began."""
    device = Device(found, sleep=chip.sleep)
    try:
        return device.write(FLASH, NEW, diff=diff, resume=resume, preserve=preserve)
    finally:
        device.close()


def check_neighbours(there: Bench, error: HostError, old: bytes) -> None:
    """They are on the chip, or the error has the only copy of them."""
    held = bytearray(there.flash[: len(OLD)])
    for element in error.remains.unrestored if error.remains else ():
        at = element.address - FLASH
        held[at : at + len(element.data)] = element.data
    assert held[len(NEW) :] == old[len(NEW) :]


@settings(max_examples=150)
@given(
    chip=st.sampled_from(CHIPS),
    faulty=st.lists(faults(), min_size=1, max_size=3),
    old=st.sampled_from([b"", OLD]),
    diff=st.booleans(),
    resume=st.booleans(),
    preserve=st.booleans(),
    seed=st.integers(0, 99),
)
def test_success_means_that_the_flash_is_right(
    tmp_path_factory: pytest.TempPathFactory,
    chip: str,
    faulty: list[Fault],
    old: bytes,
    diff: bool,
    resume: bool,
    preserve: bool,
    seed: int,
) -> None:
    image = tmp_path_factory.mktemp("flash") / "flash.img"
    profile = load(chip)
    erased = bytes([profile.memory.flash.erased])
    image.write_bytes(old + erased * (profile.memory.flash.size - len(old)))
    scenario = Scenario(faults=tuple(faulty))
    with bench(profile, image, scenario=scenario, seed=seed) as there:
        found = pick(backend=there.backend)
        try:
            outcome = write(there, found, diff, resume, preserve)
        except HostError as error:
            if old and preserve:
                check_neighbours(there, error, old)
            return
        finally:
            # An hour is more than any patience adds up to.
            assert there.clock.now() < 3_600_000_000
        assert outcome.verified
        assert there.flash[: len(NEW)] == NEW
        if preserve:
            assert there.flash[len(NEW) : len(OLD)] == (old[len(NEW) :] or erased * (len(OLD) - len(NEW)))
