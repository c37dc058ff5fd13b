"""What goes wrong around the virtual machine."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
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


def require(packages: Mapping[str, str]) -> None:
    """Raises VmError where commands are missing; ``packages`` has the package of each."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # which only root's PATH may have
    lacking = {
        command: name for command, name in packages.items() if shutil.which(command, path=path) is None
    }
    if lacking:
        hint = f"sudo apt-get install {' '.join(lacking.values())}"
        raise VmError(f"these commands are missing: {', '.join(lacking)}: {hint}")


def missing(command: str, packages: str = "") -> VmError:
    """The error for a command that is not there; ``packages`` are those that have it."""
    hint = f": sudo apt-get install {packages}" if packages else ""
    return VmError(f"the command {command} is missing{hint}")


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
