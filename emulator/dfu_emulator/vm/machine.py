"""Run one command in a virtual machine and bring back what came of it."""

import math
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO

from dfu_emulator.vm import accelerator, initramfs
from dfu_emulator.vm.errors import VmError, require
from dfu_emulator.vm.kernels import Kernel

_KERNEL_ARGUMENTS = "console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr no_timer_check"
_MEMORY = "1536M"
_LOOK = 0.05
"""Seconds between two looks whether there is output."""
_ATTEMPTS, _START_LIMIT = 2, 300.0
"""A machine without KVM on a busy host may hang or crash before the command starts, once in dozens of times.
So it is started anew, after a hang of these seconds, where some 60 have been seen at most."""
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
    with ExitStack() as stack:
        share = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dfu-emulator-vm-"))).resolve()
        (share / "command").write_bytes(os.fsencode(_script(command, environment, merged=errors is None)))
        (share / "initramfs").write_bytes(initramfs.build(kernel, share, shared))
        output = output or sys.stdout.buffer
        streams: list[_Stream] = []
        for name, target in (("output", output), ("errors", errors or output)):
            (share / name).touch()
            streams.append((stack.enter_context((share / name).open("rb", buffering=0)), target))
        until = math.inf if time_limit is None else time.monotonic() + time_limit
        machine = _machine(kernel, share, shared, counted)
        for _ in range(_ATTEMPTS):
            end = _follow(machine, share / "started", streams, until)
            if end is not _End.NEVER_STARTED:
                break
        if end is _End.TIME_LIMIT:
            raise VmTimeout(
                f"the command did not end within {time_limit:g} s in the virtual machine",
                _outcome(share, code=-1),
            )
        try:
            code = int((share / "code").read_text())
        except (FileNotFoundError, ValueError):
            what = (
                "did not start the command" if end is _End.NEVER_STARTED else "ended before the command did"
            )
            raise VmError(f"the virtual machine {what}:\n{_read(share / 'console')[-4000:]}") from None
        return _outcome(share, code)


_Stream = tuple[IO[bytes], IO[bytes]]
"""A file that the guest writes to, and where that goes."""


class _End(Enum):
    """How a machine ended."""

    BY_ITSELF = auto()
    TIME_LIMIT = auto()
    NEVER_STARTED = auto()
    """It hung or crashed before the command."""


def _follow(machine: Sequence[str], started: Path, streams: Sequence[_Stream], until: float) -> _End:
    """Run the machine until it ends or has to, and pass the output on; ``started`` is there once it is."""
    start_until = time.monotonic() + _START_LIMIT
    process = subprocess.Popen(machine, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while True:
            ended = _has_ended(process)
            for stream in streams:
                _pass_on(*stream)
            if ended:
                return _End.BY_ITSELF if started.exists() else _End.NEVER_STARTED
            if time.monotonic() >= until:
                return _End.TIME_LIMIT
            if time.monotonic() >= start_until and not started.exists():
                return _End.NEVER_STARTED
    finally:
        process.kill()
        process.wait()


def _pass_on(source: IO[bytes], target: IO[bytes]) -> None:
    """Pass on what has come since."""
    while data := source.read(1 << 16):
        target.write(data)
        target.flush()


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


def _machine(kernel: Kernel, share: Path, folders: Sequence[Path], counted: bool) -> list[str]:
    """QEMU's command line."""
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
    return arguments


def _value(path: Path) -> str:
    """A path in one of QEMU's options."""
    return str(path).replace(",", ",,")


def _outcome(share: Path, code: int) -> Outcome:
    return Outcome(code, _read(share / "console"), _read(share / "usbmon"))


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
