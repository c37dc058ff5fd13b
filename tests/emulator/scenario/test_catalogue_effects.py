"""Scenarios that no host of their page stumbles over: what a few requests show, with and without them."""

from collections.abc import Callable
from typing import Any

import pytest

from dfu_emulator.bootloader import NEVER
from dfu_emulator.profile import load
from dfu_emulator.scenario import Outcome, load_scenario, settings_of, shipped_scenarios
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, Host, Plug

IDLE, FIRMWARE = (Status.OK, State.DFU_IDLE), (Status.FIRMWARE, State.ERROR)
VECTORS = bytes.fromhex("00000220 01020008")


def first_status(host: Host) -> tuple[Status, State]:
    told = host.get_status()
    return told.bStatus, told.bState


def comes_back_from_leave(host: Host) -> bool:
    host.idle().write(FLASH, VECTORS)
    host.set_address(FLASH)
    host.ask(Request.DNLOAD)
    host.get_status()
    host.clock.sleep(10_000_000)
    return host.port.attached


def timeout_of_a_write(host: Host) -> int:
    host.idle().set_address(FLASH + 0x1000)
    host.dnload(2, bytes(16))
    return host.get_status().bwPollTimeout


def answers_about_its_functional_descriptor(host: Host) -> bool:
    return host.port.control(SetupPacket(0x81, 6, 0x2100, 0, 9)).hold < NEVER


CASES: dict[str, tuple[str, Callable[[Host], Any], object, object]] = {
    "descriptor-never-answered": ("stm32f405", answers_about_its_functional_descriptor, True, False),
    "leave-to-nothing": ("stm32f405", comes_back_from_leave, False, True),
    "left-in-dnload-idle": ("stm32f405", first_status, FIRMWARE, (Status.OK, State.DNLOAD_IDLE)),
    "left-in-error": ("stm32h743", first_status, IDLE, FIRMWARE),
    "left-in-upload-idle": ("stm32f405", first_status, FIRMWARE, (Status.OK, State.UPLOAD_IDLE)),
    "poll-timeout-too-long": ("stm32f405", timeout_of_a_write, 0, 2000),
}
"""By name: the chip, what is looked at, and what that is without and with the scenario."""


@pytest.mark.parametrize("name", CASES)
def test_it_makes_the_difference(plug: Plug, name: str) -> None:
    chip, look, without, with_it = CASES[name]
    scenario = load_scenario(name)
    assert look(plug(load(chip))) == without
    assert look(plug(load(chip, settings=settings_of(scenario)), scenario=scenario)) == with_it


def test_all_others_harm_a_host() -> None:
    harmless = set()
    for scenario in map(load_scenario, shipped_scenarios()):
        hosts = scenario.hosts
        assert hosts is not None
        if {hosts.dfu_util.ends, hosts.dfu_host.ends, hosts.naive.ends} == {Outcome.SUCCEEDS}:
            harmless.add(scenario.name)
    assert harmless == set(CASES)
