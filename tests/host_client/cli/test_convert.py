"""``convert``, and ``read`` to files with addresses."""

import json
import sys
from pathlib import Path

import pytest

from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_host.firmware import Firmware, Format, Image, Suffix, load
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH, OPTION_BYTES, Bench
from host_client.cli.samples import CODE, FACTORY, dfuse

Captured = pytest.CaptureFixture[str]


def convert(*arguments: object) -> int:
    return main(["convert", *(str(argument) for argument in arguments)])


@pytest.mark.parametrize("name", ["a.hex", "a.srec", "a.s19", "a.dfu"])
def test_there_and_back(code: Path, tmp_path: Path, name: str, capsys: Captured) -> None:
    assert convert(code, tmp_path / name, "--address", FLASH) == ExitCode.OK
    assert convert(tmp_path / name, tmp_path / "back.bin") == ExitCode.OK
    assert (tmp_path / "back.bin").read_bytes() == CODE
    assert capsys.readouterr().err.endswith("dfu-host: wrote 2750 bytes as a raw file\n")


def test_format_may_be_said(code: Path, tmp_path: Path) -> None:
    assert convert(code, tmp_path / "a.txt", "--address", FLASH, "--format", "hex") == ExitCode.OK
    assert (tmp_path / "a.txt").read_text().startswith(":02000004")


def test_plain_dfu(code: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.dfu"
    assert convert(code, out, "--address", 0, "--format", "dfu", "--device", "1d50:6017") == ExitCode.OK
    assert out.read_bytes().startswith(CODE)
    assert load(out, 4) == Firmware((Image(None, (Element(4, CODE),)),), Suffix(0x1D50, 0x6017))


def test_addresses_are_not_asked_for_where_they_are_of_no_use(code: Path, tmp_path: Path) -> None:
    assert convert(code, tmp_path / "a.dfu", "--format", "dfu") == ExitCode.OK
    assert convert(tmp_path / "a.dfu", tmp_path / "back.bin") == ExitCode.OK
    assert (tmp_path / "back.bin").read_bytes() == CODE
    assert convert(tmp_path / "a.dfu", tmp_path / "a.hex") == ExitCode.USAGE


def test_for_a_device_and_an_alternate_setting(code: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.dfu"
    assert convert(code, out, "--address", FLASH, "-a", "3", "-d", "1234:abcd") == ExitCode.OK
    firmware = load(out)
    assert firmware.suffix == Suffix(0x1234, 0xABCD)
    assert firmware.images == (Image(3, (Element(FLASH, CODE),)),)


def test_many_targets_become_one(tmp_path: Path) -> None:
    file = dfuse(
        tmp_path / "a.dfu",
        Target(1, (Element(OPTION_BYTES, FACTORY),), "Option Bytes"),
        Target(0, (Element(FLASH + 64, b"two"), Element(FLASH, b"one")), "Internal Flash"),
    )
    assert convert(file, tmp_path / "a.hex") == ExitCode.OK
    assert load(tmp_path / "a.hex").images == (
        Image(None, (Element(FLASH, b"one"), Element(FLASH + 64, b"two"), Element(OPTION_BYTES, FACTORY))),
    )
    assert convert(file, tmp_path / "same.dfu") == ExitCode.OK
    assert (tmp_path / "same.dfu").read_bytes() == file.read_bytes()


def test_gaps_need_a_fill(tmp_path: Path, capsys: Captured) -> None:
    file = dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, b"one"), Element(FLASH + 8, b"two"))))
    assert convert(file, tmp_path / "a.bin") == ExitCode.USAGE
    assert "there is no data for 0x08000003..0x08000007: --fill" in capsys.readouterr().err
    assert not (tmp_path / "a.bin").exists()
    assert convert(file, tmp_path / "a.bin", "--fill", "0xff") == ExitCode.OK
    assert (
        capsys.readouterr().err == "dfu-host: wrote 6 bytes as a raw file, with 5 more that fill its gaps\n"
    )
    assert (tmp_path / "a.bin").read_bytes() == b"one" + b"\xff" * 5 + b"two"
    assert convert(file, tmp_path / "b.bin", "--fill", "0xff", "--json") == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["bytes"], document["filled"]) == (6, 5)
    assert convert(file, tmp_path / "a.hex", "--fill", "0xff") == ExitCode.OK
    assert capsys.readouterr().err == "dfu-host: wrote 6 bytes as an Intel HEX file\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["missing.hex", "a.bin"], ExitCode.NO_INPUT, "missing.hex: No such file"),
        (["code.bin", "a.hex"], ExitCode.USAGE, "give --address"),
        (["code.bin", "a.elf", "--address", "0"], ExitCode.USAGE, "ELF files can be read, not written"),
        (["code.bin", "code.bin", "--address", "0"], ExitCode.CANNOT_CREATE, "--force replaces it"),
        (["code.bin", "-", "--address", "0", "--json"], ExitCode.USAGE, "name a file"),
    ],
)
def test_refusals(
    code: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    arguments: list[str],
    exit_code: ExitCode,
    message: str,
) -> None:
    monkeypatch.chdir(code.parent)
    assert convert(*arguments) == exit_code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.hex", "a.s37", "a.dfu"])
def test_read_keeps_addresses(f405_bench: Bench, code: Path, tmp_path: Path, name: str) -> None:
    f405_bench.run("write", code, "--address", FLASH + 64)
    out = tmp_path / name
    arguments = ["read", out, "--address", FLASH + 64, "--length", len(CODE)]
    assert f405_bench.run(*arguments) == ExitCode.OK
    assert load(out).images[0].elements == (Element(FLASH + 64, CODE),)
    assert f405_bench.run("verify", out) == ExitCode.OK
    assert f405_bench.run("write", out, "--mass-erase") == ExitCode.OK


def test_read_names_its_device_and_memory(f405_bench: Bench, tmp_path: Path) -> None:
    assert f405_bench.run("read", tmp_path / "a.dfu", "--alt", "1") == ExitCode.OK
    firmware = load(tmp_path / "a.dfu")
    assert firmware.suffix == Suffix(0x0483, 0xDF11)
    assert firmware.images == (Image(1, (Element(OPTION_BYTES, FACTORY),), "Option Bytes"),)


def test_standard_output(code: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert convert(code, "-", "--address", FLASH, "--format", Format.RAW) == ExitCode.OK
    assert capfdbinary.readouterr().out == CODE


def test_standard_input(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(code, tmp_path / "a.hex", "--address", FLASH)
    with (tmp_path / "a.hex").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert convert("-", tmp_path / "back.bin") == ExitCode.OK
    assert (tmp_path / "back.bin").read_bytes() == CODE
