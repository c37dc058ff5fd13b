"""What all subcommands have in common."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from dfu_emulator.cli import main
from end_to_end.conftest import BIN, TIME_LIMIT

GETSTATUS = """\
{"time": 0, "event": "transfer", "data": "000000000200", "setup":
{"bmRequestType": 161, "bRequest": 3, "wValue": 0, "wIndex": 0, "wLength": 6}}
""".replace("\n", "")
"""A line of a trace."""
FULL = Path("/dev/full")


def run_into(output: int | IO[str], command: str, folder: Path | None = None) -> tuple[int, str]:
    """The exit code and the errors of a command of ``dfu-emulator`` with this standard output."""
    done = subprocess.run(
        [BIN / "dfu-emulator", *command.split()],
        cwd=folder,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    return done.returncode, done.stderr


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
    ended = run_into(writer, command, tmp_path)
    os.close(writer)
    assert ended == (128 + signal.SIGPIPE, "")


def test_a_terminal_that_has_been_closed() -> None:
    master, slave = os.openpty()
    os.close(master)
    ended = run_into(slave, "profiles list")
    os.close(slave)
    assert ended == (128 + signal.SIGHUP, "")


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE])
def test_another_failure_is_not_taken_for_a_closed_terminal(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As of a device: it must not end without a word."""

    def fail(_arguments: object) -> int:
        raise OSError(number, "of a device")

    monkeypatch.setattr("dfu_emulator.cli.udev_rule.run", fail)
    with pytest.raises(OSError, match="of a device"):
        main(["udev-rule"])


@pytest.mark.skipif(not FULL.exists(), reason=f"needs {FULL}")
@pytest.mark.parametrize("command", ["scenarios list", "scenarios show rdp-1 --json", "profiles list"])
def test_output_that_does_not_fit(command: str) -> None:
    with FULL.open("w") as full:
        ended = run_into(full, command)
    said = "dfu-emulator: cannot write to standard output: No space left on device\n"
    assert ended == (2, said)


INTERRUPTED_IMPORT = """\
import signal, sys

class Interrupts:
    def find_spec(self, name, *_arguments):
        if name == "msgspec":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from dfu_emulator.__main__ import main
sys.argv = ["dfu-emulator", "profiles", "list"]
sys.exit(main())
"""


def test_an_interrupt_while_it_is_loaded_ends_it_quietly() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, timeout=TIME_LIMIT, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, b"", b"")


def test_an_interrupt_while_it_works_ends_it_quietly(tmp_path: Path) -> None:
    capture = tmp_path / "capture"
    os.mkfifo(capture)
    command = [sys.executable, "-m", "dfu_emulator", "replay", str(capture), "--profile", "stm32f405"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with capture.open("wb"):  # waits until it has opened it, too
            process.send_signal(signal.SIGINT)
            output = process.communicate(timeout=TIME_LIMIT)
        assert (process.returncode, output) == (128 + signal.SIGINT, (b"", b""))
