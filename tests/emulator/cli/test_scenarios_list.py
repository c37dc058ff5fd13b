"""``dfu-emulator scenarios list``: names and titles."""

import json

from dfu_emulator.scenario import load_scenario, shipped_scenarios
from emulator.cli.conftest import Command


def test_all(scenarios: Command) -> None:
    done = scenarios("list")
    assert (done.code, done.stderr) == (0, "")
    assert [line.split(maxsplit=1) for line in done.lines] == [
        [name, load_scenario(name).title] for name in shipped_scenarios()
    ]


def test_filter(scenarios: Command) -> None:
    done = scenarios("list", "POWER", "mass")
    assert (done.code, len(done.lines)) == (0, 1)
    assert done.lines[0].startswith("power-loss-in-mass-erase ")


def test_the_description_is_looked_through_too(scenarios: Command) -> None:
    assert "Inertial" not in load_scenario("rdp-1-silent").shows
    names = [line.split()[0] for line in scenarios("list", "option bytes first").lines]
    assert names == ["rdp-1-silent"]


def test_nothing_fits(scenarios: Command) -> None:
    done = scenarios("list", "earthquake")
    assert (done.code, done.stdout) == (1, "")
    assert "'dfu-emulator scenarios list' shows all" in done.stderr


def test_json(scenarios: Command) -> None:
    told = json.loads(scenarios("list", "--json").stdout)
    assert [scenario["name"] for scenario in told] == shipped_scenarios()
    assert told[0] == {"name": "abort-stalls", "title": "ABORT is stalled"}
