"""The page of all chips: it is the profiles', and tells what is not known."""

import subprocess
import sys
from pathlib import Path

import pytest

from dfu_emulator.profile import available, load
from dfu_emulator.profile.quirks import quirks_of

ROOT = Path(__file__).parents[3]
WRITE_CHIPS = ROOT / "tools" / "write_chips.py"
LINES = (ROOT / "docs" / "chips.md").read_text(encoding="utf-8").splitlines()


def write_chips(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, WRITE_CHIPS, *arguments], capture_output=True, text=True, check=False
    )


def test_is_not_stale() -> None:
    done = write_chips("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_notices_a_stale_page(tmp_path: Path) -> None:
    path = tmp_path / "chips.md"
    done = write_chips("--check", path)
    assert (done.returncode, done.stderr) == (1, f"{path} is stale: run ./run docs\n")
    assert write_chips(path).returncode == 0
    assert path.read_text(encoding="utf-8").splitlines() == LINES
    path.write_text(path.read_text(encoding="utf-8").replace("STM32F405RG", "STM32F405XX"), encoding="utf-8")
    assert write_chips("--check", path).returncode == 1


@pytest.mark.parametrize("name", available())
def test_a_row_for_each(name: str) -> None:
    profile = load(name)
    (row,) = (line for line in LINES if line.startswith(f"| `{name}` |"))
    assert profile.part in row
    assert f"| {profile.dfu.wTransferSize} |" in row


def test_each_quirk_is_explained() -> None:
    told = {line.split(" | ")[0].removeprefix("| ") for line in LINES}
    assert {quirk.word for name in available() for quirk in quirks_of(load(name))} <= told


def test_what_is_not_published() -> None:
    (nothing,) = (line for line in LINES if line.startswith("- **No listing at all**"))
    (some,) = (line for line in LINES if line.startswith("- **Some alternates**"))
    assert " C562," in nothing
    assert "H743" not in nothing + some
    assert "F405 (1, 2, 3)" in some
    (descriptors,) = (line for line in LINES if line.startswith("- **`lsusb -v`"))
    assert " H7" in descriptors
    assert " F4" not in descriptors
