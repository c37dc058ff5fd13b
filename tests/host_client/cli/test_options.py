"""``options``: shown as they are, changed with care."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import load
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_emulator.scenario.scalars import Times
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from host_client.bench import Bench, MakeBench
from host_client.cli.samples import FACTORY


def wrong_upload(**when: Any) -> Scenario:
    fault = Fault(do=Do.CORRUPT, when=When(request=Requests.of(Request.UPLOAD), **when), bits=3)
    return Scenario(faults=(fault,))


def cells(bench: Bench, area: int = 0) -> bytes:
    return bytes(bench.port.device.bootloader.chip.option_bytes.areas[area].cells)


def test_show(f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert f405_bench.run("options", "show") == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [
        "option bytes of STM32F2, F4 (RM0033, RM0090, RM0430: description of the option bytes)",
        "read protection   level 0",
        "write protection  none",
        "0x1fffc000  ffffaaff ffffffff ffffffff ffffffff",
    ]


def test_show_what_is_locked(f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    area = f405_bench.port.device.bootloader.chip.option_bytes.areas[0]
    area.cells[8:10] = bytes.fromhex("ecff")
    assert f405_bench.run("options", "show", "--json") == ExitCode.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["read_protection"] == "level 0"
    assert shown["write_protected"] == [
        {"address": 0x08000000, "end": 0x08008000},
        {"address": 0x08010000, "end": 0x08020000},
    ]
    assert bytes.fromhex(shown["areas"][0]["bytes"]) == cells(f405_bench)


def test_second_bank_whose_option_bytes_are_not_in_the_layout(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    factory = load("stm32h743").memory.option_bytes.areas[0].factory
    behind = bytearray(b"\xff" * (308 - len(factory)))
    behind[0x11C - len(factory)] = 0xFB
    whole = f"memory.option_bytes.areas.0.factory={(factory + behind).hex(' ')}"
    assert make_bench(load("stm32h743", settings=[whole])).run("options", "show") == ExitCode.OK
    assert "write protection  0x08140000..0x0815ffff\n" in capsys.readouterr().out


def test_second_bank_of_a_rom_that_does_not_let_them_be_read(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_bench(load("stm32h743")).run("options", "show", "--json") == ExitCode.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["write_protected"] == []
    assert shown["write_protection_unknown"] == [{"address": 0x08100000, "end": 0x08200000}]
    assert make_bench(load("stm32h743")).run("options", "show") == ExitCode.OK
    said = capsys.readouterr().out
    assert "write protection  none; of 0x08100000..0x081fffff it is not known\n" in said


@pytest.mark.parametrize(
    ("chip", "own", "other"),
    [("stm32f107", 0xA5, 0xAA), ("stm32f072", 0xAA, 0xA5), ("stm32f303cc", 0xAA, 0xA5)],
)
def test_key_of_another_family(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str], chip: str, own: int, other: int
) -> None:
    """What is level 0 on an F1 protects an F0 or F3, and the other way round."""
    bench = make_bench(load(chip))
    assert bench.run("options", "show") == ExitCode.OK
    assert "read protection   level 0\n" in capsys.readouterr().out
    assert bench.run("options", "write", f"0x1ffff800={other:#x}") == ExitCode.USAGE
    said = capsys.readouterr().out
    assert f"0x1ffff800: {own:#x} -> {other:#x}\n" in said
    assert "read protection: level 0 -> level 1\n" in said


def test_two_areas(make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_bench(load("stm32f429")).run("options", "show") == ExitCode.OK
    shown = capsys.readouterr().out
    assert "0x1fffc000  " in shown
    assert "0x1ffec000  " in shown


def test_chip_that_shows_none(make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_bench(load("stm32c562")).run("options", "show") == ExitCode.USAGE
    assert "shows no option bytes" in capsys.readouterr().err


def test_protected_chip(make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_bench(rdp=1).run("options", "show") == ExitCode.DEVICE
    assert "read protected" in capsys.readouterr().err


def test_write_needs_yes(f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert f405_bench.run("options", "write", "0x1fffc001=0x55") == ExitCode.USAGE
    shown = capsys.readouterr()
    assert shown.out == "0x1fffc001: 0xaa -> 0x55\nread protection: level 0 -> level 1\n"
    assert "add --yes" in shown.err
    assert cells(f405_bench) == FACTORY


@pytest.mark.parametrize(("value", "more"), [(0x55, []), (0xCC, ["--yes"])])
def test_programs_see_what_would_change(
    f405_bench: Bench, capsys: pytest.CaptureFixture[str], value: int, more: list[str]
) -> None:
    change = f"0x1fffc001={value:#x}"
    assert f405_bench.run("options", "write", change, "--json", *more) == ExitCode.USAGE
    shown = json.loads(capsys.readouterr().out)
    assert shown["would_change"] == [{"address": 0x1FFFC001, "before": 0xAA, "after": value}]
    assert shown["error"]["kind"] == "usage"
    assert "changed" not in shown
    assert cells(f405_bench) == FACTORY


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("0x1fffc001=0x55", "ff55 ffff ffff ffff ffff ffff ffff ffff"),
        ("0x1fffc008=0xFFFE", "ffaa ffff ffff ffff feff ffff ffff ffff"),
        ("0x1fffc000=0xfffeaafe", "feaa feff ffff ffff ffff ffff ffff ffff"),
        ("0x1fffc001=0xc", "ff0c ffff ffff ffff ffff ffff ffff ffff"),
    ],
)
def test_write(f405_bench: Bench, capsys: pytest.CaptureFixture[str], change: str, expected: str) -> None:
    assert f405_bench.run("options", "write", change, "--yes") == ExitCode.OK
    assert cells(f405_bench) == bytes.fromhex(expected)
    assert [reason for reason, _ in f405_bench.departures] == [Reason.OPTION_BYTES]
    assert "the device resets" in capsys.readouterr().err


def test_write_a_file(f405_bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "options.bin").write_bytes(bytes.fromhex("ffaa feff"))
    assert f405_bench.run("options", "write", "--yes", tmp_path / "options.bin") == ExitCode.OK
    assert cells(f405_bench) == bytes.fromhex("ffaa feff") + FACTORY[4:]


def test_write_what_comes_in(f405_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "options.bin").write_bytes(bytes.fromhex("ffaa feff"))
    with (tmp_path / "options.bin").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert f405_bench.run("options", "write", "--yes", "-") == ExitCode.OK
    assert cells(f405_bench) == bytes.fromhex("ffaa feff") + FACTORY[4:]


def test_complements_follow(make_bench: MakeBench) -> None:
    bench = make_bench(load("stm32f072"))
    assert bench.run("options", "write", "0x1ffff804=0x12", "--yes") == ExitCode.OK
    assert cells(bench)[:8] == bytes.fromhex("aa55 ff00 12ed ff00")


def test_nothing_to_change(f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert f405_bench.run("options", "write", "0x1fffc001=0xaa", "--yes") == ExitCode.OK
    assert "are so already" in capsys.readouterr().err
    assert [t for t in f405_bench.requests(Request.DNLOAD) if t.setup.wValue >= 2] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["0x1fffc001=0xcc", "--yes"], ExitCode.USAGE, "level 2, which cannot be undone.*--permanent"),
        (["0x08000000=0xcc", "--yes"], ExitCode.DATA, "0x08000000 is no option byte: .*0x1fffc00f"),
        (["0x1fffc00f=0x1234", "--yes"], ExitCode.DATA, "0x1fffc010 is no option byte"),
        (["0x1fffc001=aa", "--yes"], ExitCode.USAGE, "is not ADDRESS=VALUE in hex"),
        (["missing.bin", "--yes"], ExitCode.NO_INPUT, "missing.bin: No such file"),
    ],
)
def test_refusals(
    f405_bench: Bench,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: ExitCode,
    message: str,
) -> None:
    assert f405_bench.run("options", "write", *arguments) == code
    assert re.search(message, capsys.readouterr().err)
    assert cells(f405_bench) == FACTORY


@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_back_was_not_read_wrong(make_bench: MakeBench, seed: int) -> None:
    bench = make_bench(scenario=wrong_upload(nth=1), seed=seed)
    assert bench.run("options", "write", "0x1fffc008=0xfffe", "--yes") == ExitCode.OK
    assert cells(bench) == bytes.fromhex("ffaa ffff ffff ffff feff ffff ffff ffff")


def test_nothing_is_written_where_no_two_reads_are_the_same(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench(scenario=wrong_upload(times=Times(1000)))
    assert bench.run("options", "write", "0x1fffc008=0xfffe", "--yes") == ExitCode.DEVICE
    assert "16 bytes at 0x1fffc000 read differently each time" in capsys.readouterr().err
    assert cells(bench) == FACTORY


def test_one_area_at_a_time(make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    bench = make_bench(load("stm32f429"))
    assert bench.run("options", "write", "0x1fffc008=0xfe", "0x1ffec008=0xfe", "--yes") == ExitCode.USAGE
    assert "one at a time" in capsys.readouterr().err
    assert bench.run("options", "write", "0x1ffec008=0xfe", "--yes") == ExitCode.OK
    assert cells(bench, 1)[8] == 0xFE


def test_level_2_if_it_is_meant(f405_bench: Bench) -> None:
    assert f405_bench.run("options", "write", "0x1fffc001=0xcc", "--yes", "--permanent") == ExitCode.OK
    assert f405_bench.port.device.bootloader.chip.option_bytes.rdp_level == 2
