"""``write`` of option bytes and one-time memory: not unless it is said that it is meant."""

import re
from pathlib import Path

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import load
from dfu_host.errors import ExitCode
from dfu_protocol import Erase
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench
from host_client.cli.samples import CODE, FACTORY, PROTECTED, dfuse

LEVEL_2 = bytes.fromhex("ffcc") + FACTORY[2:]


def check_untouched(bench: Bench) -> None:
    assert not bench.commands(Erase)
    assert set(bench.flash) == {0xFF}
    assert bytes(bench.port.device.bootloader.chip.option_bytes.areas[0].cells) == FACTORY
    assert bench.departures == []


@pytest.mark.parametrize(
    ("data", "flags", "message"),
    [
        (FACTORY, [], "data for Option Bytes, which can lock a device: .* add --yes"),
        (PROTECTED, ["--will-reset"], "add --yes; nothing has been changed"),
        (LEVEL_2, ["--yes", "--will-reset"], "sets level 2, which cannot be undone: .*--permanent allows it"),
    ],
)
def test_option_bytes_are_not_written_unasked(
    f405_bench: Bench,
    tmp_path: Path,
    data: bytes,
    flags: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    targets = Target(0, (Element(FLASH, CODE),)), Target(1, (Element(OPTION_BYTES, data),))
    file = dfuse(tmp_path / "x.dfu", *targets)
    assert f405_bench.run("write", file, *flags) == ExitCode.USAGE
    assert re.search(message, capsys.readouterr().err)
    check_untouched(f405_bench)


def test_what_they_become_is_shown(
    f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = dfuse(tmp_path / "x.dfu", Target(1, (Element(OPTION_BYTES, PROTECTED),)))
    assert f405_bench.run("write", file, "--yes", "--will-reset") == ExitCode.OK
    assert capsys.readouterr().out == "0x1fffc001: 0xaa -> 0x55\nread protection: level 0 -> level 1\n"
    assert [reason for reason, _ in f405_bench.departures] == [Reason.OPTION_BYTES]


def test_level_2_if_it_is_meant(f405_bench: Bench, tmp_path: Path) -> None:
    file = dfuse(tmp_path / "x.dfu", Target(1, (Element(OPTION_BYTES, LEVEL_2),)))
    assert f405_bench.run("write", file, "--yes", "--permanent", "--will-reset") == ExitCode.OK
    assert f405_bench.port.device.bootloader.chip.option_bytes.rdp_level == 2


def test_second_of_two_areas(make_bench: MakeBench, tmp_path: Path) -> None:
    """Of which only the first has the read protection."""
    bench = make_bench(load("stm32f429"))
    second = b"\xff\xcc" + b"\xff" * 6 + b"\xfe" + b"\xff" * 7
    file = dfuse(tmp_path / "x.dfu", Target(1, (Element(0x1FFEC000, second),)))
    assert bench.run("write", file) == ExitCode.USAGE
    assert bench.run("write", file, "--yes", "--will-reset") == ExitCode.OK
    assert bench.port.device.bootloader.chip.option_bytes.areas[1].cells[8] == 0xFE


@pytest.mark.parametrize("flags", [[], ["--permanent"]])
def test_one_time_memory(
    f405_bench: Bench, tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = dfuse(tmp_path / "x.dfu", Target(0, (Element(FLASH, CODE),)), Target(2, (Element(OTP, b"1234"),)))
    assert f405_bench.run("write", file, *flags) == ExitCode.USAGE
    assert "data for OTP Memory, which can be written once and never erased" in capsys.readouterr().err
    check_untouched(f405_bench)
