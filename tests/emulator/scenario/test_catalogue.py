"""The catalogue and its page: complete, and documented with every key there is."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from dfu_emulator.scenario import Do, Fault, Met, Outcome, Scenario, Start, When, Worn, load_scenario
from dfu_emulator.scenario import shipped_scenarios as shipped
from dfu_emulator.scenario.model import Hosts

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "scenarios.md"
WRITE_SCENARIOS = ROOT / "tools" / "write_scenarios.py"
TASKS = {"write", "write and leave", "read", "mass erase"}


def write_scenarios(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, WRITE_SCENARIOS, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", shipped())
def test_each_is_complete(name: str) -> None:
    scenario = load_scenario(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", scenario.name)
    assert scenario.title
    assert not scenario.title.endswith(".")
    assert scenario.shows.strip().endswith(".")
    assert scenario.hosts is not None
    assert scenario.hosts.try_ in TASKS
    for fares in (scenario.hosts.dfu_util, scenario.hosts.dfu_host, scenario.hosts.naive):
        assert fares.why.endswith(".")
    for met in scenario.met:
        assert re.fullmatch(r"https://[\w./?=-]+", met.link)
    assert scenario.start != Start() or scenario.set or scenario.faults


def test_there_are_many_of_all_kinds() -> None:
    scenarios = [load_scenario(name) for name in shipped()]
    assert len(scenarios) >= 28
    assert {fault.do for scenario in scenarios for fault in scenario.faults} == set(Do)
    ends = {scenario.hosts.dfu_util.ends for scenario in scenarios if scenario.hosts}
    assert ends == set(Outcome)


def test_the_page_is_not_stale() -> None:
    done = write_scenarios("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_notices_a_stale_page(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.md"
    path.write_text(PAGE.read_text(encoding="utf-8").replace("`rdp-2`", "`rdp-3`"), encoding="utf-8")
    done = write_scenarios("--check", path)
    assert (done.returncode, done.stderr) == (1, f"{path} is stale: run ./run docs\n")
    assert write_scenarios(path).returncode == 0
    assert path.read_bytes() == PAGE.read_bytes()


@pytest.mark.parametrize("section", [Scenario, Start, Worn, Met, When, Fault, Hosts])
def test_every_key_is_documented(section: type[msgspec.Struct]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    keys = {field.encode_name for field in msgspec.structs.fields(section)} - {"name", "chip"}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_the_example_of_the_page(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "my-scenario.yaml"
    path.write_text(example)
    assert len(load_scenario(str(path)).faults) == 2
