"""Run one command in a virtual machine and bring back what came of it."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dfu_emulator.vm import accelerator, initramfs
from dfu_emulator.vm.errors import VmError, missing
from dfu_emulator.vm.kernels import Kernel

_KERNEL_ARGUMENTS = "console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr no_timer_check"
_MEMORY = "1536M"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command in the guest."""

    code: int
    """Its exit code."""
    console: str
    """The guest's kernel log."""
    usbmon: str
    """The USB traffic in the guest, as text (the kernel's Documentation/usb/usbmon.rst explains it)."""


class VmTimeout(VmError):
    """The time limit was up; ``outcome`` has the logs up to then."""

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


def run(
    kernel: Kernel,
    command: Sequence[str],
    *,
    time_limit: float | None = None,
    environment: Mapping[str, str] = os.environ,
    output: IO[bytes] | None = None,
) -> Outcome:
    """Boot ``kernel`` and run ``command`` as root, in the present folder with ``environment``.

    What it prints goes to ``output``, or to our standard output. Files that it changes are gone
    afterwards. Raises VmError, and VmTimeout after ``time_limit`` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="dfu-emulator-vm-") as name:
        share = Path(name)
        (share / "command").write_text(_script(command, environment))
        (share / "initramfs").write_bytes(initramfs.build(kernel, share))
        process = _start(kernel, share, output)
        try:
            process.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise VmTimeout(
                f"the command did not end within {time_limit:.0f} s in the virtual machine",
                _outcome(share, code=-1),
            ) from None
        finally:
            process.kill()
            process.wait()
        try:
            code = int((share / "code").read_text())
        except (FileNotFoundError, ValueError):
            log = _read(share / "console")[-4000:]
            raise VmError(f"the virtual machine ended before the command did:\n{log}") from None
        return _outcome(share, code)


def _script(command: Sequence[str], environment: Mapping[str, str]) -> str:
    exports = [
        f"export {name}={shlex.quote(value)}" for name, value in environment.items() if name.isidentifier()
    ]
    return "\n".join([*exports, f"cd {shlex.quote(str(Path.cwd()))}", f"exec {shlex.join(command)}", ""])


def _start(kernel: Kernel, share: Path, output: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    arguments = [accelerator.QEMU, *accelerator.arguments(kernel.image)]
    arguments += ["-m", _MEMORY, "-smp", str(min(os.cpu_count() or 1, 4))]
    arguments += ["-nodefaults", "-no-user-config", "-nic", "none", "-display", "none", "-no-reboot"]
    arguments += ["-kernel", str(kernel.image), "-initrd", str(share / "initramfs")]
    arguments += ["-append", _KERNEL_ARGUMENTS]
    arguments += ["-chardev", f"file,id=log,path={share}/console", "-serial", "chardev:log"]
    arguments += ["-chardev", "stdio,id=output,signal=off"]
    arguments += ["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=output"]
    for tag, options in (("host", "path=/,readonly=on"), ("share", f"path={share}")):
        arguments += ["-fsdev", f"local,id={tag},{options},security_model=none,multidevs=remap"]
        arguments += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    try:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output)
    except FileNotFoundError:
        raise missing(accelerator.QEMU, "qemu-system-x86") from None


def _outcome(share: Path, code: int) -> Outcome:
    return Outcome(code, _read(share / "console"), _read(share / "usbmon"))


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
