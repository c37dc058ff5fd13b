"""How the chip was when the capture began, by a scenario."""

from typing import Any

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.replay import Start
from dfu_emulator.scenario import Scenario, Worn, load_scenario
from dfu_emulator.scenario import Start as Conditions
from dfu_emulator.scenario.scalars import StateName, StatusName
from dfu_protocol import State, Status
from emulator.host import FLASH, Host, Stalled
from emulator.replay import scripts
from emulator.replay.recorder import found, recorded, replayed

SECOND_SECTOR = FLASH + 0x4000


def write_and_read_the_second_sector(host: Host) -> None:
    host.idle()
    for erase_or_point in (b"\x41", b"\x21"):
        scripts.polled(host, 0, erase_or_point + SECOND_SECTOR.to_bytes(4, "little"))
        host.idle()
    scripts.polled(host, 0, b"\x21" + SECOND_SECTOR.to_bytes(4, "little"))
    scripts.polled(host, 2, bytes(2048))
    host.idle()
    scripts.upload(host, SECOND_SECTOR, 0x4000)


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"protection.wrp": "silent"}, {"write_protected": (1,)}),
        ({"protection.wrp": "error"}, {"write_protected": (1,)}),
        ({}, {"worn": Worn((1,), bits=7)}),
    ],
    ids=["silent", "error", "worn"],
)
def test_flash_that_does_not_take_what_is_written(
    f405: Profile, settings: dict[str, Any], start: dict[str, Any]
) -> None:
    scenario = Scenario(set=settings, start=Conditions(**start))
    steps = recorded(f405, write_and_read_the_second_sector, scenario=scenario)
    assert found(replayed(steps, f405, Start(scenario=scenario))) == []
    unexplained = replayed(steps, f405).differences
    assert {difference.finding.of_the_chip for difference in unexplained} - {""} == {
        "write or read protection, worn flash"
    }


def test_read_protection_that_only_reads_tell_of(f405: Profile) -> None:
    """Nothing says errVENDOR."""
    scenario = load_scenario("rdp-1-silent")

    def script(host: Host) -> None:
        host.idle()
        host.set_address(FLASH)
        host.abort()
        host.get_status()
        try:
            host.upload(2, 64)
        except Stalled:
            host.get_status()

    steps = recorded(f405, script, scenario=scenario)
    assert found(replayed(steps, f405, Start(scenario=scenario))) == []
    (difference,) = replayed(steps, f405).differences
    assert difference.finding.of_the_chip == "read protection"
    assert difference.finding.keys[0] == "protection.read"


def test_what_counts_more_than_the_scenario(f405: Profile) -> None:
    steps = recorded(f405, scripts.download)
    protected = Scenario(start=Conditions(rdp=1))
    assert found(replayed(steps, f405, Start(scenario=protected))) != []
    assert found(replayed(steps, f405, Start(rdp=0, scenario=protected))) == []


def test_faults_are_left_out(f405: Profile) -> None:
    scenario = load_scenario("dnload-stalls-once")
    result = replayed(recorded(f405, scripts.download), f405, Start(scenario=scenario))
    assert (found(result), result.scenario) == ([], "dnload-stalls-once")


def test_an_error_that_an_earlier_host_left_behind_protects_nothing(f405: Profile) -> None:
    scenario = Scenario(start=Conditions(state=StateName(State.ERROR), status=StatusName(Status.VENDOR)))
    result = replayed(recorded(f405, scripts.download, scenario=scenario), f405)
    assert (found(result), result.rdp) == ([], 0)
