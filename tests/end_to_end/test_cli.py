"""What all subcommands have in common."""

import os
import signal
import subprocess

import pytest

from end_to_end.conftest import BIN, TIME_LIMIT


@pytest.mark.parametrize(
    "command",
    [
        "profiles list",
        "profiles show h743",
        "doctor",
        "doctor --json",
        "udev-rule",
        "lint --profile f405 -- true",
        "lint --profile f405 --json -- true",
    ],
)
def test_a_reader_that_has_seen_enough(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [BIN / "dfu-emulator", *command.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")
