"""``dfu-emulator profiles`` as a process of its own."""

import subprocess

from end_to_end.conftest import BIN, TIME_LIMIT, Emulator


def test_shows_a_chip(emulator: Emulator) -> None:
    done = emulator("profiles", "show", "h743")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("stm32h743: STM32H743ZI, family STM32H7\n")


def test_a_command_is_needed(emulator: Emulator) -> None:
    done = emulator("profiles")
    assert done.code == 2
    assert "usage: dfu-emulator profiles" in done.stderr


def test_a_reader_that_has_seen_enough() -> None:
    pipeline = f"{BIN / 'dfu-emulator'} profiles show h743 | true"
    done = subprocess.run(
        ["sh", "-c", pipeline], capture_output=True, text=True, timeout=TIME_LIMIT, check=False
    )
    assert done.stderr == ""
