"""The script has no idea that its boards are emulated: dfu-util finds them through libusb."""

import shutil
from pathlib import Path

import pytest

from dfu_emulator.pytest_plugin.chip import Stm32

SCRIPT = Path(__file__).with_name("flash.sh")

pytestmark = pytest.mark.skipif(shutil.which("dfu-util") is None, reason="dfu-util is not installed")


class Bench:
    """A board and its journal."""

    def __init__(self, stm32: Stm32, folder: Path) -> None:
        self.stm32 = stm32
        self.firmware = bytes(range(256)) * 80
        self._firmware_bin = folder / "firmware.bin"
        self._firmware_bin.write_bytes(self.firmware)
        self._journal = folder / "journal"

    def flash(self) -> tuple[int, str]:
        """Run the script; its exit code, and what it adds to the journal."""
        done = self.stm32.run([SCRIPT, self._firmware_bin, self._journal])
        return done.returncode, self._journal.read_text()


@pytest.fixture
def bench(stm32: Stm32, tmp_path: Path) -> Bench:
    return Bench(stm32, tmp_path)


@pytest.mark.parametrize("stm32", ["stm32f405", "stm32f072", "stm32h743"], indirect=True)
def test_a_good_board(bench: Bench) -> None:
    assert bench.flash() == (0, "PASS\n")
    assert bench.stm32.flash.startswith(bench.firmware)
    assert not bench.stm32.advice


@pytest.mark.stm32(scenario="loose_cable.yaml")
def test_a_board_that_drops_off_the_bus_is_tried_again(bench: Bench) -> None:
    assert bench.flash() == (0, "PASS\n")
    assert bench.stm32.flash.startswith(bench.firmware)
    assert any("unplugged" in line for line in bench.stm32.trace.lines)


@pytest.mark.stm32(scenario="says_it_cannot_write.yaml")
def test_a_board_whose_flash_reports_an_error(bench: Bench) -> None:
    assert bench.flash() == (1, "FAIL not written\n")


@pytest.mark.stm32(scenario="worn_flash.yaml")
def test_a_board_with_a_worn_flash_that_says_nothing(bench: Bench) -> None:
    assert bench.flash() == (1, "FAIL read back as something else\n")


@pytest.mark.stm32(rdp=1)
def test_a_protected_board(bench: Bench) -> None:
    assert bench.flash() == (1, "FAIL not written\n")
