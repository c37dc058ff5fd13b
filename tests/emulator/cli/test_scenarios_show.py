"""``dfu-emulator scenarios show``: a scenario in words, and as JSON."""

import json
from pathlib import Path

import pytest
import yaml

from dfu_emulator.cli import main
from dfu_emulator.scenario import load_scenario, shipped_scenarios
from emulator.cli.conftest import Command, Done


def section(done: Done, title: str) -> list[str]:
    """The lines under a title."""
    lines = [*done.lines, ""]
    start = lines.index(title)
    return [line.strip() for line in lines[start + 1 : lines.index("", start)]]


@pytest.mark.parametrize("name", shipped_scenarios())
def test_each_of_the_catalogue(scenarios: Command, name: str) -> None:
    scenario = load_scenario(name)
    done = scenarios("show", name)
    assert (done.code, done.stderr) == (0, "")
    assert done.lines[0] == f"{name}: {scenario.title}"
    assert " ".join(scenario.shows.split()) in " ".join(done.stdout.split())
    for met in scenario.met:
        assert met.who in done.stdout
        assert met.link in done.lines[done.lines.index(f"  {met.who}") + 1]
    hosts = scenario.hosts
    assert hosts is not None
    told = section(done, f"how hosts fare that {hosts.try_}")
    each = {"dfu-util": hosts.dfu_util, "dfu-host": hosts.dfu_host, "naive": hosts.naive}
    for line, (host, fares) in zip(told, each.items(), strict=True):
        assert " ".join(line.split()) == f"{host} {fares.ends.value} {fares.why}"
    assert f"--profile {hosts.chip} --scenario {name} -- dfu-util" in section(done, "try it")[0]


def test_json_is_the_file(scenarios: Command, tmp_path: Path) -> None:
    for name in shipped_scenarios():
        told = json.loads(scenarios("show", name, "--json").stdout)
        assert told.pop("name") == name
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(told))
        assert load_scenario(str(path)) == load_scenario(name)


def test_an_unknown_name(scenarios: Command) -> None:
    done = scenarios("show", "wrp-silnt")
    assert (done.code, done.stdout) == (2, "")
    assert "no scenario is called 'wrp-silnt'; did you mean 'wrp-silent'?" in done.stderr


def show(scenarios: Command, path: Path, text: str) -> Done:
    path.write_text(text)
    return scenarios("show", path)


def test_a_file_of_ones_own_has_only_what_it_says(scenarios: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    done = show(scenarios, path, "faults: [{do: stall}]")
    assert done.lines[0] == "mine"
    assert section(done, "conditions") == ["none"]
    assert section(done, "faults") == ["the first request of DFU: stalled, and never seen by the bootloader"]
    assert "who met it" not in done.stdout
    assert "how hosts fare" not in done.stdout
    assert f"--scenario {path} -- " in done.stdout


def test_a_file_that_is_wrong(scenarios: Command, tmp_path: Path) -> None:
    done = show(scenarios, tmp_path / "mine.yaml", "faults:\n  - do: stal\n")
    assert (done.code, done.stdout) == (2, "")
    assert "mine.yaml:2: faults.0.do:" in done.stderr


def test_conditions(scenarios: Command, tmp_path: Path) -> None:
    done = show(
        scenarios,
        tmp_path / "mine.yaml",
        """
        seed: 7
        timing: real
        set:
          bootloader.wedge_from: 0x08000000
          usb.product: Mine
          timing.flash.x8.mass_erase: {typ: 6 s, max: 7 s}
          bootloader.commands: [0, 33]
          protection.option_bytes_readable: true
        start:
          rdp: 1
          boot0: low
          write_protected: [2, 3, 5]
          worn: {sectors: [1, 2], bits: 3}
          state: dfuERROR
          status: errVENDOR
        """,
    )
    assert section(done, "conditions") == [
        "read protection level 1",
        "BOOT0 is low",
        "sectors 2, 3 and 5 are write protected",
        "sectors 1 and 2 are worn: 3 bits each cannot be erased",
        "an earlier host has left it in dfuERROR with errVENDOR",
        "bootloader.wedge_from is 0x08000000",
        "usb.product is Mine",
        "timing.flash.x8.mass_erase is typ 6 s, max 7 s",
        "bootloader.commands is 0, 33",
        "protection.option_bytes_readable is yes",
        "timing is real",
        "seed 7 decides what is left to chance",
    ]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "{do: stall, when: {request: UPLOAD, block: 5-9, nth: 3, times: 2}}",
            "the 3rd to the 4th UPLOAD of blocks 5 to 9: stalled, and never seen by the bootloader",
        ),
        (
            "{do: error, status: errVERIFY, when: {request: GETSTATUS, job: [erase, mass erase], nth: 2}}",
            "the 2nd GETSTATUS of an erase or a mass erase: it ends in dfuERROR with errVERIFY",
        ),
        (
            "{do: delay, time: 6 s, when: {request: GETSTATUS, job: erase, sector: 2, state: dfuDNBUSY}}",
            "the first GETSTATUS of an erase in sector 2 in dfuDNBUSY: held for 6 s before it is answered",
        ),
        (
            "{do: timeout, when: {request: [DNLOAD, UPLOAD, ABORT], nth: 11}}",
            "the 11th DNLOAD, UPLOAD or ABORT: never answered, nor seen by the bootloader",
        ),
        (
            "{do: timeout, moment: during, when: {request: DNLOAD, address: 0x08004000, nth: 21}}",
            "the 21st DNLOAD at 0x08004000: carried out, but never answered",
        ),
        (
            "{do: short, bytes: 100, when: {request: UPLOAD, times: always}}",
            "each UPLOAD: only 100 bytes of the data arrive",
        ),
        (
            "{do: corrupt, when: {request: DNLOAD, block: 2}}",
            "the first DNLOAD of block 2: 1 bit of the data flips",
        ),
        (
            "{do: corrupt, bits: 3, when: {request: DNLOAD, times: always, nth: 4, chance: 0.025}}",
            "with a chance of 2.5 %, from the 4th on, each DNLOAD: 3 bits of the data flip",
        ),
        (
            "{do: poll_timeout, bwPollTimeout: 0, when: {request: GETSTATUS, job: [write, set address]}}",
            "the first GETSTATUS of Set Address Pointer or a write: it tells a bwPollTimeout of 0 ms",
        ),
        (
            "{do: disconnect, when: {request: GET_DESCRIPTOR}}",
            "the first GET_DESCRIPTOR: the cable is out before the bootloader sees it; the chip stays away",
        ),
        (
            "{do: disconnect, moment: during, back_after: 500 ms, when: {request: ABORT}}",
            "the first ABORT: carried out, but the cable comes out before its answer; "
            "the chip is back after 500 ms",
        ),
        (
            "{do: disconnect, moment: after, when: {state: [dfuIDLE, dfuERROR]}}",
            "the first request of DFU in dfuIDLE or dfuERROR: "
            "the last that gets through before the cable comes out; the chip stays away",
        ),
        (
            "{do: power_loss, done: 0.25, back_after: 2 s, when: {request: GETSTATUS, job: read unprotect}}",
            "the first GETSTATUS of Read Unprotect in dfuDNLOAD-SYNC: the power goes when 25% of the "
            "job is done; the chip is back after 2 s",
        ),
        (
            "{do: power_loss, when: {request: GETSTATUS}}",
            "the first GETSTATUS in dfuDNLOAD-SYNC: the power goes when 50% of the job is done; "
            "the chip stays away",
        ),
    ],
)
def test_faults_in_words(scenarios: Command, tmp_path: Path, fault: str, words: str) -> None:
    done = show(scenarios, tmp_path / "mine.yaml", f"faults:\n  - {fault}\n")
    assert section(done, "faults") == [words]


def test_links_stay_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    assert main(["scenarios", "show", "wrp-silent"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for met in load_scenario("wrp-silent").met:
        assert f"      {met.link}" in lines
    assert max(len(line) for line in lines if "https" not in line and "--scenario" not in line) <= 80
