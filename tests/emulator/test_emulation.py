"""Putting a chip together from a profile's name and a few options."""

import re
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.profile import Profile, ProfileError
from dfu_emulator.scenario import Scenario
from dfu_emulator.timing import ManualClock, MonotonicClock
from dfu_protocol import Request, SetupPacket
from emulator.host import FLASH, variant


@pytest.mark.parametrize("name", ["stm32f405", "STM32F405", "f405"])
def test_a_profile_may_be_named(name: str) -> None:
    with emulated(name) as port:
        assert port.device.profile.name == "stm32f405"
        assert port.attached


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ProfileError, match="stm32f999"), emulated("stm32f999"):
        pass


def test_time_is_the_systems_unless_a_clock_is_given(f405: Profile) -> None:
    with emulated(f405) as port:
        assert isinstance(port.clock, MonotonicClock)
    clock = ManualClock()
    with emulated(f405, clock=clock) as port:
        assert port.clock is clock


def test_nothing_takes_time_unless_it_is_asked_for(f405: Profile) -> None:
    holds = {}
    for timing in ("fast", "real"):
        with emulated(f405, timing=timing, clock=ManualClock()) as port:
            port.configure()
            port.control(SetupPacket.dfu(Request.CLRSTATUS))
            port.control(SetupPacket.dfu(Request.DNLOAD, 0, 1), b"\x41")
            port.control(SetupPacket.dfu(Request.GETSTATUS, 0, 6))
            holds[timing] = port.control(SetupPacket.dfu(Request.GETSTATUS, 0, 6)).hold
    assert holds == {"fast": 0, "real": 16_000_000}


def test_a_scenario_changes_a_profile_that_is_given_as_one(f405: Profile) -> None:
    scenario = Scenario(set={"dfu.wTransferSize": 1024}, name="small")
    with emulated(f405, scenario=scenario) as port:
        assert port.device.profile.dfu.wTransferSize == 1024
    with emulated(f405) as port:
        assert port.device.profile is f405


def test_a_scenario_that_does_not_fit_the_profile(f405: Profile) -> None:
    scenario = Scenario(set={"flash.siz": "1M"}, name="odd")
    with pytest.raises(ProfileError, match=r"^scenario odd: memory\.flash\.siz: unknown key"):
        emulated(f405, scenario=scenario).__enter__()


def test_each_is_a_chip_of_its_own(f405: Profile) -> None:
    with emulated(f405) as one, emulated(f405) as other:
        one.device.bootloader.chip.flash.write(FLASH, b"mine")
        assert other.device.bootloader.chip.flash.read(FLASH, 4) == b"\xff" * 4


def test_the_image_is_given_back_when_the_test_fails(f405: Profile, tmp_path: Path) -> None:
    path = tmp_path / "chip.img"
    with pytest.raises(ZeroDivisionError), emulated(f405, image=path):
        raise ZeroDivisionError
    with emulated(f405, image=path):
        pass


@pytest.mark.parametrize(
    "choice",
    [
        {"timing": "slow"},
        {"timing": ""},
        {"rdp": 3},
        {"rdp": "1"},
        {"boot0": "low"},
        {"unique_id": (1, 2)},
        {"unique_id": (1, 2, 1 << 32)},
    ],
    ids=str,
)
def test_choices_that_make_no_sense_are_refused(choice: dict[str, Any]) -> None:
    told = re.escape(f"not {next(iter(choice.values()))!r}")
    with pytest.raises(ValueError, match=told), emulated("f405", **choice):
        pass


def test_a_serial_number_of_no_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one character"), emulated("f405", serial=""):
        pass


def test_a_protection_level_that_the_chip_does_not_have(f405: Profile, tmp_path: Path) -> None:
    profile = variant(f405, "memory.option_bytes.rdp", level2=None)
    with (
        pytest.raises(ProfileError, match=r"^the stm32f405 has no read protection level 2$"),
        emulated(profile, rdp=2, image=tmp_path / "flash.bin"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
    with emulated(profile, rdp=1) as port:
        assert port.attached


def test_an_image_can_be_named_by_text(tmp_path: Path) -> None:
    with emulated("f405", image=str(tmp_path / "flash.bin")):
        assert (tmp_path / "flash.bin").stat().st_size == 1 << 20
