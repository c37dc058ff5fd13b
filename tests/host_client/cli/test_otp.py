"""``otp``: read like any memory, written once."""

from pathlib import Path

import pytest

from dfu_emulator.profile import load
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH, OTP, Bench, MakeBench
from host_client.cli.samples import dfuse

SERIAL = b"serial 1"


@pytest.fixture
def serial(tmp_path: Path) -> Path:
    path = tmp_path / "serial.bin"
    path.write_bytes(SERIAL)
    return path


def test_write_and_read(f405_bench: Bench, serial: Path, tmp_path: Path) -> None:
    assert f405_bench.run("otp", "write", serial, "--address", OTP + 32, "--yes") == ExitCode.OK
    assert f405_bench.run("otp", "read", tmp_path / "all.bin") == ExitCode.OK
    assert (tmp_path / "all.bin").read_bytes() == b"\xff" * 32 + SERIAL + b"\xff" * (528 - 40)
    arguments = ["otp", "read", tmp_path / "part.bin", "--address", OTP + 32, "--length", 8]
    assert f405_bench.run(*arguments) == ExitCode.OK
    assert (tmp_path / "part.bin").read_bytes() == SERIAL


def test_double_words(make_bench: MakeBench, serial: Path) -> None:
    bench = make_bench(load("stm32l476"))
    assert bench.run("otp", "write", serial, "--address", "0x1FFF7008", "--yes") == ExitCode.OK


def test_needs_yes(f405_bench: Bench, serial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f405_bench.run("otp", "write", serial, "--address", OTP) == ExitCode.USAGE
    assert "these 8 bytes can be written once" in capsys.readouterr().err
    assert [t for t in f405_bench.requests(Request.DNLOAD) if t.setup.wValue >= 2] == []


def test_is_written_once(f405_bench: Bench, serial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["otp", "write", serial, "--yes", "--address"]
    assert f405_bench.run(*arguments, OTP) == ExitCode.OK
    assert f405_bench.run(*arguments, OTP + 4) == ExitCode.DATA
    assert "0x1fff7804 is written already: 0x61" in capsys.readouterr().err


def test_is_meant_for_otp_alone(
    f405_bench: Bench, serial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f405_bench.run("otp", "write", serial, "--address", FLASH, "--yes") == ExitCode.DATA
    assert "outside the writable memory of alternate 2" in capsys.readouterr().err
    file = dfuse(tmp_path / "a.dfu", Target(2, (Element(OTP, SERIAL),)), Target(0, (Element(FLASH, SERIAL),)))
    assert f405_bench.run("otp", "write", file, "--yes") == ExitCode.DATA
    assert "other memory than OTP Memory" in capsys.readouterr().err


def test_dfuse_file(f405_bench: Bench, tmp_path: Path) -> None:
    file = dfuse(tmp_path / "a.dfu", Target(2, (Element(OTP, SERIAL),)))
    assert f405_bench.run("otp", "write", file, "--yes") == ExitCode.OK


@pytest.mark.parametrize("action", ["read", "write"])
def test_chip_that_shows_none(
    make_bench: MakeBench, serial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    rest: dict[str, list[object]] = {
        "read": [tmp_path / "out.bin"],
        "write": [serial, "--address", OTP, "--yes"],
    }
    assert make_bench(load("stm32f072")).run("otp", action, *rest[action]) == ExitCode.USAGE
    assert "no one-time programmable memory" in capsys.readouterr().err
