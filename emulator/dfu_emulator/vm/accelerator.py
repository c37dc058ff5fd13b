"""Which accelerator QEMU can use here: KVM where it really works, else TCG, which works everywhere."""

import os
import subprocess
from functools import lru_cache
from pathlib import Path

QEMU = "qemu-system-x86_64"
TCG = ("-accel", "tcg", "-cpu", "max")
KVM = ("-accel", "kvm", "-cpu", "host")
COUNTED = ("-accel", "tcg,thread=single", "-cpu", "max", "-icount", "shift=0,sleep=off")
"""The guest's time is what it executes, a nanosecond an instruction, and waiting takes none."""
_PROBE_SECONDS = 15


@lru_cache(maxsize=1)
def arguments(image: Path) -> tuple[str, ...]:
    """QEMU's arguments for accelerator and processor; ``image`` is a kernel to try them with."""
    return KVM if os.access("/dev/kvm", os.R_OK | os.W_OK) and _boots(KVM, image) else TCG


def _boots(accelerator: tuple[str, ...], image: Path) -> bool:
    """Whether a kernel gets as far as missing its root. /dev/kvm may be there and abort, or hang."""
    command = [QEMU, *accelerator, "-nodefaults", "-nic", "none", "-display", "none", "-no-reboot"]
    command += ["-m", "512M", "-kernel", str(image), "-append", "panic=-1"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
