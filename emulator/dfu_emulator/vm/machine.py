"""Run one command in a virtual machine and bring back what came of it."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dfu_emulator.vm import accelerator, initramfs
from dfu_emulator.vm.errors import VmError, require
from dfu_emulator.vm.kernels import Kernel

_KERNEL_ARGUMENTS = "console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr no_timer_check"
_MEMORY = "1536M"
_LOOK = 0.05
"""Seconds between two looks whether there is output."""
_OWN_FOLDERS = ("/dev", "/proc", "/sys")
"""The guest has its own, so those of the host cannot be shared."""
PROGRAMS = {
    accelerator.QEMU: "qemu-system-x86",
    "busybox": "busybox-static",
    "modprobe": "kmod",
    "setpriv": "util-linux",
}
"""Commands that running one takes, and the packages that have them."""


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


def require_programs() -> None:
    """Raises VmError where programs are missing that every run needs."""
    require(PROGRAMS)


def run(
    kernel: Kernel,
    command: Sequence[str],
    *,
    folders: Sequence[Path] = (),
    time_limit: float | None = None,
    environment: Mapping[str, str] = os.environ,
    output: IO[bytes] | None = None,
    errors: IO[bytes] | None = None,
    counted: bool = False,
) -> Outcome:
    """Boot ``kernel`` and run ``command`` as root, in the present folder with ``environment``.

    What it prints goes to ``output``, or to our standard output; what it prints to its standard error to
    ``errors``, or to the same place. Files that it changes are gone afterwards, but for those in
    ``folders``, which are the host's. ``counted`` makes the guest's time the number of instructions that it
    executes: what is measured there then does not depend on what else the host does. Raises VmError,
    VmTimeout after ``time_limit`` seconds, and OSError where the output cannot be written.
    """
    require_programs()
    shared = _outermost(folders)
    with tempfile.TemporaryDirectory(prefix="dfu-emulator-vm-") as name:
        share = Path(name).resolve()
        (share / "command").write_bytes(os.fsencode(_script(command, environment, merged=errors is None)))
        (share / "initramfs").write_bytes(initramfs.build(kernel, share, shared))
        output = output or sys.stdout.buffer
        streams = [_Stream(share / "output", output), _Stream(share / "errors", errors or output)]
        process = _start(kernel, share, shared, counted)
        try:
            if not _follow(process, streams, time_limit):
                raise VmTimeout(
                    f"the command did not end within {time_limit:g} s in the virtual machine",
                    _outcome(share, code=-1),
                )
        finally:
            process.kill()
            process.wait()
        try:
            code = int((share / "code").read_text())
        except (FileNotFoundError, ValueError):
            log = _read(share / "console")[-4000:]
            raise VmError(f"the virtual machine ended before the command did:\n{log}") from None
        return _outcome(share, code)


class _Stream:
    """What the guest writes to the file at ``path``, passed on to ``target``."""

    def __init__(self, path: Path, target: IO[bytes]) -> None:
        path.touch()
        self._file = path.open("rb", buffering=0)
        self._target = target

    def pass_on(self) -> None:
        """Pass on what has come since."""
        while data := self._file.read(1 << 16):
            self._target.write(data)
            self._target.flush()


def _follow(process: "subprocess.Popen[bytes]", streams: Sequence[_Stream], time_limit: float | None) -> bool:
    """Pass the output on until the machine ends; False if it has not ended in time."""
    until = None if time_limit is None else time.monotonic() + time_limit
    ended = False
    while not ended:
        ended = _has_ended(process)
        for stream in streams:
            stream.pass_on()
        if until is not None and not ended and time.monotonic() >= until:
            return False
    return True


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _outermost(folders: Sequence[Path]) -> list[Path]:
    """The folders without those that are inside of others. Raises VmError for what cannot be shared."""
    found: list[Path] = []
    for folder in sorted(folder.resolve() for folder in folders):
        if folder == Path("/") or any(folder.is_relative_to(own) for own in _OWN_FOLDERS):
            raise VmError(f"{folder} cannot be shared with the virtual machine: use another folder")
        if not any(folder.is_relative_to(outer) for outer in found):
            found.append(folder)
    return found


def _script(command: Sequence[str], environment: Mapping[str, str], merged: bool) -> str:
    exports = [
        f"export {name}={shlex.quote(value)}"
        for name, value in environment.items()
        if name.isascii() and name.isidentifier()
    ]
    lines = [*exports, f"cd {shlex.quote(str(Path.cwd()))}", f"exec {shlex.join(command)}", ""]
    return "\n".join(["exec 2>&1", *lines] if merged else lines)


def _start(kernel: Kernel, share: Path, folders: Sequence[Path], counted: bool) -> "subprocess.Popen[bytes]":
    processor = accelerator.COUNTED if counted else accelerator.arguments(kernel.image)
    # A machine must not outlive us, whatever ends us.
    arguments = ["setpriv", "--pdeathsig", "KILL", accelerator.QEMU, *processor]
    arguments += ["-m", _MEMORY, "-smp", str(min(os.cpu_count() or 1, 4))]
    arguments += ["-nodefaults", "-no-user-config", "-nic", "none", "-display", "none", "-no-reboot"]
    arguments += ["-kernel", str(kernel.image), "-initrd", str(share / "initramfs")]
    arguments += ["-append", _KERNEL_ARGUMENTS]
    arguments += ["-chardev", f"file,id=log,path={_value(share)}/console", "-serial", "chardev:log"]
    shares = [("host", Path("/"), ",readonly=on"), ("share", share, "")]
    shares += [(f"folder{number}", folder, "") for number, folder in enumerate(folders)]
    for tag, folder, options in shares:
        files = f"local,id={tag},path={_value(folder)},security_model=none,multidevs=remap{options}"
        arguments += ["-fsdev", files]
        arguments += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _value(path: Path) -> str:
    """A path in one of QEMU's options."""
    return str(path).replace(",", ",,")


def _outcome(share: Path, code: int) -> Outcome:
    return Outcome(code, _read(share / "console"), _read(share / "usbmon"))


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
