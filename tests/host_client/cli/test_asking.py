"""What ``write`` asks before it erases other data, where somebody can answer."""

import io
import sys
from pathlib import Path

import pytest

from dfu_host.errors import ExitCode
from dfu_protocol import Erase
from host_client.bench import FLASH, Bench
from host_client.cli.samples import CODE, SECTOR


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def full(f405_bench: Bench, code: Path, tmp_path: Path) -> Bench:
    """A chip with CODE at its start, and patch.bin to write into it."""
    assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.OK
    (tmp_path / "patch.bin").write_bytes(b"patch")
    f405_bench.transfers.clear()
    return f405_bench


def patch(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, *flags: str
) -> tuple[int, str]:
    """Write the patch on a terminal where somebody gives this answer: exit code, and what was said."""
    terminal = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", Terminal(answer))
        patched.setattr(sys, "stderr", terminal)
        code = bench.run("write", folder / "patch.bin", "--address", FLASH + 64, *flags)
    return code, terminal.getvalue()


def test_preserve(full: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = patch(full, tmp_path, monkeypatch, "p\n")
    assert code == ExitCode.OK
    assert "hold other data at 0x08000000..0x0800003f and 0x08000045..0x08000abd." in said
    assert full.flash[: len(CODE)] == CODE[:64] + b"patch" + CODE[69:]


def test_erase(full: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _ = patch(full, tmp_path, monkeypatch, "Erase\n")
    assert code == ExitCode.OK
    assert full.flash[:SECTOR] == b"\xff" * 64 + b"patch" + b"\xff" * (SECTOR - 69)


@pytest.mark.parametrize("answer", ["", "\n", "q\n", "what?\n"])
def test_anything_else(full: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    code, said = patch(full, tmp_path, monkeypatch, answer)
    assert code == ExitCode.USAGE
    assert said.endswith("dfu-host: nothing has been changed\n")
    assert full.commands(Erase) == []
    assert full.flash[: len(CODE)] == CODE


def test_programs_are_not_asked(full: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = patch(full, tmp_path, monkeypatch, "p\n", "--json")
    assert code == ExitCode.USAGE
    assert "--preserve writes it back" in said
    assert full.flash[: len(CODE)] == CODE


def test_nobody_there(full: Bench, tmp_path: Path) -> None:
    assert full.run("write", tmp_path / "patch.bin", "--address", FLASH + 64) == ExitCode.USAGE
    assert full.flash[: len(CODE)] == CODE
