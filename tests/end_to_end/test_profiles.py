"""``dfu-emulator profiles`` as a process of its own."""

from end_to_end.conftest import Emulator


def test_shows_a_chip(emulator: Emulator) -> None:
    done = emulator("profiles", "show", "h743")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("stm32h743: STM32H743ZI, family STM32H7\n")


def test_a_command_is_needed(emulator: Emulator) -> None:
    done = emulator("profiles")
    assert done.code == 2
    assert "usage: dfu-emulator profiles" in done.stderr
