"""The program has no idea that its chips are emulated: it looks for one with ``usb.core.find``."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from dfu_emulator.pytest_plugin.chip import Stm32

FLASH = 0x08000000
Flash = Callable[[], int]


@pytest.fixture
def firmware() -> bytes:
    """Three blocks and a bit, no two of their words alike."""
    return b"".join((FLASH + 4 * number).to_bytes(4, "little") for number in range(1600))


@pytest.fixture
def flash(request: pytest.FixtureRequest, tmp_path: Path, firmware: bytes) -> Flash:
    """Runs the program as from the command line; returns its exit code."""
    program = import_module(request.config.getoption("--flasher"))
    path = tmp_path / "firmware.bin"
    path.write_bytes(firmware)
    return lambda: int(program.main([str(path)]))


def test_the_firmware_is_in_the_flash(flash: Flash, stm32: Stm32, firmware: bytes) -> None:
    assert flash() == 0
    assert stm32.read(FLASH, len(firmware)) == firmware


@pytest.mark.parametrize("stm32", ["stm32f405", "stm32f072", "stm32g474", "stm32h743"], indirect=True)
def test_it_does_nothing_that_the_bootloader_punishes(flash: Flash, stm32: Stm32) -> None:
    assert flash() == 0
    assert not stm32.advice


@pytest.mark.stm32(image=bytes(100_000))
def test_what_was_in_the_flash_is_erased(flash: Flash, stm32: Stm32, firmware: bytes) -> None:
    assert flash() == 0
    assert stm32.flash.rstrip(b"\xff") == firmware.rstrip(b"\xff")


@pytest.mark.stm32(rdp=1)
@pytest.mark.usefixtures("stm32")
def test_a_protected_chip_is_an_error(flash: Flash, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash() == 1
    assert "flasher: " in capsys.readouterr().err


@pytest.mark.stm32(scenario="flips_a_bit.yaml")
@pytest.mark.usefixtures("stm32")
def test_a_bit_that_flips_on_the_way_is_found(flash: Flash, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash() == 1
    assert "not written as it is" in capsys.readouterr().err


def test_without_a_chip(flash: Flash, stm32: Stm32, capsys: pytest.CaptureFixture[str]) -> None:
    stm32.unplug()
    assert flash() == 1
    assert "there is no STM32" in capsys.readouterr().err
