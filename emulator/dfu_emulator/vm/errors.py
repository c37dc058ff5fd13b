"""What goes wrong around the virtual machine."""

import subprocess
from collections.abc import Sequence
from pathlib import Path


class VmError(Exception):
    """The virtual machine cannot be used here; the message says what to do."""


def call(*command: str, folder: Path | None = None, packages: str = "") -> str:
    """The standard output of ``command``; VmError tells what it said where it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise missing(command[0], packages) from None
    if done.returncode:
        raise VmError(f"{_shown(command)} failed:\n{(done.stdout + done.stderr)[-4000:].strip()}")
    return done.stdout


def missing(command: str, packages: str = "") -> VmError:
    """The error for a command that is not there; ``packages`` are those that have it."""
    hint = f": sudo apt-get install {packages}" if packages else ""
    return VmError(f"the command {command} is missing{hint}")


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
