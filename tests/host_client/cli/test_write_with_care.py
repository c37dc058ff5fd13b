"""``write`` where there is something on the chip already, and where it is broken off."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Jobs, Requests, Scenario, When
from dfu_emulator.timing import WorkKind
from dfu_emulator.transports.inprocess import Backend
from dfu_host.errors import ExitCode
from dfu_protocol import Erase, Request, State
from host_client.bench import FLASH, OPTION_BYTES, Bench, MakeBench
from host_client.cli.samples import PROTECTED

SECTOR = 16 * 1024
CODE = bytes(i * 7 & 0xFF for i in range(2 * SECTOR + 5000))
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "code.bin"
    path.write_bytes(CODE)
    return path


def test_diff(f405_bench: Bench, code: Path, capsys: Captured) -> None:
    assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.OK
    code.write_bytes(CODE[:SECTOR] + b"changed!" + CODE[SECTOR + 8 :])
    f405_bench.transfers.clear()
    capsys.readouterr()
    assert f405_bench.run("write", code, "--address", FLASH, "--diff") == ExitCode.OK
    assert f405_bench.commands(Erase) == [Erase(FLASH + SECTOR)]
    assert f405_bench.flash[: len(CODE)] == code.read_bytes()
    said = capsys.readouterr().err
    assert f"wrote {SECTOR} bytes and verified them" in said
    assert f"of the {len(CODE)} bytes of the file, all others were there already" in said


def test_all_of_a_file_that_is_new(f405_bench: Bench, code: Path, capsys: Captured) -> None:
    assert f405_bench.run("write", code, "--address", FLASH, "--diff") == ExitCode.OK
    assert capsys.readouterr().err == f"dfu-host: wrote {len(CODE)} bytes and verified them\n"


def test_preserve(f405_bench: Bench, code: Path, tmp_path: Path, capsys: Captured) -> None:
    assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.OK
    (tmp_path / "patch.bin").write_bytes(b"patch")
    patch = ["write", tmp_path / "patch.bin", "--address", FLASH + 100]
    assert f405_bench.run(*patch) == ExitCode.USAGE
    assert f405_bench.flash[: len(CODE)] == CODE
    said = capsys.readouterr().err
    assert (
        "other data at 0x08000000..0x08000063 and 0x08000069..0x08003fff: --preserve writes it back" in said
    )
    assert f405_bench.run(*patch, "--preserve") == ExitCode.OK
    assert f405_bench.flash[: len(CODE)] == CODE[:100] + b"patch" + CODE[105:]
    assert f405_bench.run(*patch, "--no-preserve") == ExitCode.OK
    assert f405_bench.flash[:SECTOR] == b"\xff" * 100 + b"patch" + b"\xff" * (SECTOR - 105)


@pytest.mark.parametrize("flags", [["--mass-erase", "--diff"], ["--no-erase", "--preserve"]])
def test_care_goes_page_by_page(f405_bench: Bench, code: Path, flags: list[str], capsys: Captured) -> None:
    assert f405_bench.run("write", code, "--address", FLASH, *flags) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "dfu-host: --diff, --resume and --preserve go page by page: leave out --mass-erase or --no-erase\n"
    )


def power_loss(nth: int, kind: WorkKind) -> Scenario:
    """Power goes in the n-th of these jobs, and is back a second later."""
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs({kind}), nth=nth)
    return Scenario(faults=(Fault(do=Do.POWER_LOSS, when=when, back_after=Duration(1_000_000)),))


def back(bench: Bench) -> None:
    bench.clock.sleep(1_000_000)
    bench.port.configure()


def test_resume(f405: Profile, make_bench: MakeBench, code: Path, capsys: Captured) -> None:
    bench = make_bench(f405, scenario=power_loss(13, WorkKind.WRITE))
    assert bench.run("write", code, "--address", FLASH) == ExitCode.DEVICE
    said = capsys.readouterr().err
    assert "on the chip now: 0x08000000..0x08005fff is written; 0x08006000..0x080067ff may be half" in said
    assert "written; 0x08006800..0x0800bfff is erased; the same command with --resume completes it" in said
    back(bench)
    bench.transfers.clear()
    assert bench.run("write", code, "--address", FLASH, "--resume") == ExitCode.OK
    assert bench.commands(Erase) == [Erase(FLASH + SECTOR), Erase(FLASH + 2 * SECTOR)]
    assert bench.flash[: len(CODE)] == CODE


def test_what_was_to_be_preserved_is_saved(
    f405: Profile,
    make_bench: MakeBench,
    code: Path,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "preserved-0x08000000.bin").write_bytes(b"of an earlier accident")
    bench = make_bench(f405, scenario=power_loss(4, WorkKind.ERASE))
    assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
    code.write_bytes(b"patch")
    patch = ["write", code, "--address", FLASH + 100, "--preserve"]
    assert bench.run(*patch) == ExitCode.DEVICE
    assert (tmp_path / "preserved-0x08000000.bin").read_bytes() == b"of an earlier accident"
    assert (tmp_path / "preserved-0x08000000-2.bin").read_bytes() == CODE[:100]
    assert (tmp_path / "preserved-0x08000069.bin").read_bytes() == CODE[105:SECTOR]
    said = capsys.readouterr().err
    restored = re.findall(r"preserved from .* on is in .*; when .*, 'dfu-host (.*)' brings it back", said)
    assert len(restored) == 2
    back(bench)
    assert bench.run(*patch, "--resume", "--json") == ExitCode.OK
    out, err = capsys.readouterr()
    assert [(one["address"], one["end"], one["file"]) for one in json.loads(out)["missing"]] == [
        (FLASH, FLASH + 100, "preserved-0x08000000-2.bin"),
        (FLASH, FLASH + 22, "preserved-0x08000000.bin"),
        (FLASH + 105, FLASH + SECTOR, "preserved-0x08000069.bin"),
    ]
    for arguments in restored:
        assert f"'dfu-host {arguments}' brings it back" in err
        assert bench.run(*arguments.split()) == ExitCode.OK
    capsys.readouterr()
    (tmp_path / "preserved-0x08000000.bin").unlink()
    assert bench.run(*patch, "--resume") == ExitCode.OK
    assert "brings it back" not in capsys.readouterr().err
    assert bench.flash[: len(CODE)] == CODE[:100] + b"patch" + CODE[105:]


def test_what_was_to_be_preserved_is_saved_elsewhere(
    f405: Profile, make_bench: MakeBench, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    removed = tmp_path / "removed"
    removed.mkdir()
    monkeypatch.chdir(removed)
    removed.rmdir()
    bench = make_bench(f405, scenario=power_loss(4, WorkKind.ERASE))
    assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
    code.write_bytes(b"patch")
    assert bench.run("write", code, "--address", FLASH + 100, "--preserve") == ExitCode.DEVICE
    assert (elsewhere / "preserved-0x08000000.bin").read_bytes() == CODE[:100]


@pytest.mark.parametrize("there_is_room", [True, False])
def test_what_is_half_written_back_is_saved_beside_what_is_there(
    f405: Profile,
    make_bench: MakeBench,
    code: Path,
    tmp_path: Path,
    there_is_room: bool,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    bench = make_bench(f405, scenario=power_loss(23, WorkKind.WRITE))
    assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
    here.mkdir()
    monkeypatch.chdir(here)
    saved = here / "preserved-0x08000069-2.bin"
    if there_is_room:
        saved.with_stem("preserved-0x08000069").touch()
    else:
        here.rmdir()
        saved = elsewhere / "preserved-0x08000069.bin"
    code.write_bytes(b"patch")
    assert bench.run("write", code, "--address", FLASH + 100, "--preserve") == ExitCode.DEVICE
    assert saved.read_bytes() == CODE[105:SECTOR]
    assert f"preserved from 0x08000069 on is in {saved.name if there_is_room else saved}" in (
        capsys.readouterr().err
    )


class Interrupting(Backend):
    """Somebody presses Ctrl-C in the n-th DFU_DNLOAD."""

    left = 12

    def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
        count = super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)
        if bmRequestType == 0x21 and bRequest == Request.DNLOAD:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
        return count


def test_ctrl_c(f405_bench: Bench, code: Path, capsys: Captured) -> None:
    f405_bench.backend = Interrupting(f405_bench.port)
    assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.INTERRUPTED
    said = capsys.readouterr().err
    assert "interrupted while writing" in said
    assert "the device is in dfuIDLE" in said
    assert "may be half written" in said
    assert "--resume completes it" in said
    assert f405_bench.state is State.DFU_IDLE


@pytest.mark.parametrize(
    ("scenario", "ends", "advice", "never"),
    [
        ("wrp-error", ExitCode.DEVICE, "'dfu-host options write' changes it", "--resume"),
        ("wrp-silent", ExitCode.VERIFY, "the page may be write protected", "--resume"),
        ("rdp-1", ExitCode.DEVICE, "lift it with 'dfu-host unprotect --yes'", "on the chip now"),
        ("rdp-1-silent", ExitCode.DEVICE, "lift it with 'dfu-host unprotect --yes'", "on the chip now"),
    ],
)
def test_what_the_same_command_cannot_overcome(
    make_bench: MakeBench,
    code: Path,
    scenario: str,
    ends: ExitCode,
    advice: str,
    never: str,
    capsys: Captured,
) -> None:
    bench = make_bench(scenario=scenario)
    assert bench.run("write", code, "--address", FLASH, "--no-preserve") == ends
    said = capsys.readouterr().err
    assert advice in said
    assert never not in said
    assert "completes it" not in said


def test_option_bytes_are_not_resumed(f405_bench: Bench, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "options.bin").write_bytes(PROTECTED)
    options = ["write", tmp_path / "options.bin", "--alt", "1", "--address", OPTION_BYTES, "--yes"]
    assert f405_bench.run(*options) == ExitCode.DEVICE
    said = capsys.readouterr().err
    assert "--will-reset" in said
    assert "--resume" not in said


def test_what_was_saved_in_another_job_is_left_alone(
    f405_bench: Bench, code: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another page, over what is written now, or not even of that name."""
    monkeypatch.chdir(tmp_path)
    for name in ("0x08010000.bin", "0x08000010.bin", "0x08000000.bin.old", "0x0800.bin"):
        (tmp_path / f"preserved-{name}").write_bytes(b"of another job")
    assert f405_bench.run("write", code, "--address", FLASH, "--resume", "--json") == ExitCode.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["missing"] == []
    assert "preserved" not in err
