"""What all subcommands have in common."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from end_to_end.conftest import BIN, TIME_LIMIT

GETSTATUS = """\
{"time": 0, "event": "transfer", "data": "000000000200", "setup":
{"bmRequestType": 161, "bRequest": 3, "wValue": 0, "wIndex": 0, "wLength": 6}}
""".replace("\n", "")
"""A line of a trace."""
FULL = Path("/dev/full")


@pytest.mark.parametrize(
    "command",
    [
        "profiles list",
        "profiles show h743",
        "doctor",
        "doctor --json",
        "udev-rule",
        "scenarios list",
        "scenarios show wrp-silent",
        "replay trace.json --profile f405",
        "lint --profile f405 -- true",
        "lint --profile f405 --json -- true",
    ],
)
def test_a_reader_that_has_seen_enough(command: str, tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_text(GETSTATUS)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [BIN / "dfu-emulator", *command.split()],
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.skipif(not FULL.exists(), reason=f"needs {FULL}")
@pytest.mark.parametrize("command", ["scenarios list", "scenarios show rdp-1 --json", "profiles list"])
def test_output_that_does_not_fit(command: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [BIN / "dfu-emulator", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    said = "dfu-emulator: cannot write to standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)
