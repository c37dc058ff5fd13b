"""``dfu-emulator profiles list``: the table, and what chooses from it."""

import json
import re

import pytest

from dfu_emulator.cli import main
from dfu_emulator.profile import available, load
from emulator.cli.conftest import Command


def names(lines: list[str]) -> list[str]:
    """The names in the table's first column."""
    return [line.split()[0] for line in lines if line.startswith("stm32")]


def test_all_profiles(profiles: Command) -> None:
    done = profiles("list")
    assert done.code == 0
    assert names(done.lines) == available()


def test_a_row(profiles: Command) -> None:
    (row,) = (line for line in profiles("list", "h743").lines if line.startswith("stm32h743"))
    cells = re.split(r" {2,}", row)
    assert cells[:7] == ["stm32h743", "STM32H743ZI", "H7", "2M", "1024", "DFU in FS Mode", "0200"]
    shares = [int(share) for share in cells[7].split("/")]
    assert len(shares) == 3
    assert sum(shares) in range(99, 102)
    assert cells[8].startswith("fixed serial, small blocks, ")


def test_what_nearly_all_share_is_told_once(profiles: Command) -> None:
    lines = profiles("list").lines
    (told,) = (line for line in lines if line.startswith("Quirks of nearly all: "))
    assert "CLRSTATUS twice" in told
    assert "wedges" not in told
    assert sum("CLRSTATUS twice" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["h743"], ["stm32h743"]),
        (["STM32F407VG"], ["stm32f405"]),
        (["stm32l1"], ["stm32l152rc", "stm32l152re"]),
        (["dfu bootloader"], ["stm32f107"]),
        (["fixed serial", "DFU in FS Mode"], ["stm32h743"]),
        (["--family", "u5"], ["stm32u585", "stm32u5a5"]),
        (["--family", "STM32L1", "--quirk", "eeprom"], ["stm32l152rc", "stm32l152re"]),
        (["--quirk", "wedge"], ["stm32h743"]),
        (["--quirk", "wedge", "--family", "h7", "h7"], ["stm32h743"]),
    ],
)
def test_filters(profiles: Command, arguments: list[str], chosen: list[str]) -> None:
    done = profiles("list", *arguments)
    assert done.code == 0
    assert names(done.lines) == chosen


def test_no_profile_fits(profiles: Command) -> None:
    done = profiles("list", "esp32")
    assert (done.code, done.stdout) == (1, "")
    assert "no profile fits; 'dfu-emulator profiles list' shows all" in done.stderr


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--family", "there is no family 'x9'; there are: STM32C0, "),
        ("--quirk", "there is no quirk 'x9'; there are: "),
    ],
)
def test_what_there_is_none_of(profiles: Command, flag: str, told: str) -> None:
    done = profiles("list", flag, "x9")
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr


def test_json(profiles: Command) -> None:
    rows = json.loads(profiles("list", "--json").stdout)
    assert [row["name"] for row in rows] == available()
    (row,) = (row for row in rows if row["name"] == "stm32f405")
    profile = load("stm32f405")
    assert row["flash_size"] == profile.memory.flash.size
    assert row["wTransferSize"] == 2048
    assert row["bcdDevice"] == 0x2200
    assert row["rom_versions"] == ["2200", "2100"]
    assert "mass erase lie" in row["quirks"]
    assert set(row["evidence"]) == {"hardware", "document", "inferred", "none"}
    assert row["evidence"]["hardware"] > 0


def test_json_of_none(profiles: Command) -> None:
    done = profiles("list", "--json", "esp32")
    assert (done.code, json.loads(done.stdout)) == (1, [])


@pytest.mark.parametrize("columns", [80, 120])
def test_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    assert main(["profiles", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert names(lines) == available()
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines)
