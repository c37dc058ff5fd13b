"""The program in the virtual machine of ``dfu-emulator vm``: it plugs the chip in and runs the command."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from dfu_emulator.cli import process
from dfu_emulator.cli.advising import advising
from dfu_emulator.cli.exits import Exit, say
from dfu_emulator.emulation import ChipOptions, emulated
from dfu_emulator.memory import ImageError
from dfu_emulator.port import Port
from dfu_emulator.profile import load
from dfu_emulator.profile.changes import Setting
from dfu_emulator.scenario import load_scenario, settings_of
from dfu_emulator.trace import TraceError, Traces, Tracing
from dfu_emulator.transports import TransportError

_DEVICES = Path("/sys/bus/usb/devices")
_INTERFACE = "*-[1-9]*:*"
"""Only a configured device has one; root hubs' are called N-0:1.0."""
_UDEVD = Path("/lib/systemd/systemd-udevd")
_PATIENCE = 60.0
"""Seconds after which a kernel will not configure the chip any more."""
_LOOK = 0.05


class Task(msgspec.Struct):
    """What is to be plugged in, and how."""

    profile: str
    rom_version: str | None
    settings: list[str]
    transport: str
    options: ChipOptions
    traces: Traces
    advice: bool


def command(task: Task, argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` with the chip plugged in."""
    # -P: the current folder is no place to import modules from.
    described = msgspec.json.encode(task, enc_hook=str).decode()
    return [sys.executable, "-P", "-m", __name__, described, *argv]


def main() -> int:
    """Run the rest of the command line as the first argument, a Task, says; returns its exit code."""
    task = msgspec.json.decode(sys.argv[1], type=Task, dec_hook=lambda kind, text: kind(text))
    try:
        return _run(task, sys.argv[2:])
    except (ImageError, TraceError, TransportError) as error:
        say(str(error))
        return Exit.USAGE


def _run(task: Task, argv: Sequence[str]) -> int:
    with ExitStack() as stack:
        tracing = stack.enter_context(Tracing(task.traces, say))
        (watchers,) = tracing.watchers
        settings: list[str | Setting] = [*settings_of(load_scenario(task.options.scenario)), *task.settings]
        profile = load(task.profile, task.rom_version, settings)
        port = stack.enter_context(emulated(profile, **task.options.keywords(), watchers=watchers))
        stack.enter_context(advising(port, task.advice))
        _start_udev()
        check = stack.enter_context(_TRANSPORTS[task.transport](port))
        tracing.begin()
        if port.attached:
            _wait_for_the_chip()
        else:
            say("at read protection level 2 the bootloader never runs: no device")
        code = process.run(argv, dict(os.environ))
        check()
        if port.failure is not None:
            raise port.failure
        return code


def _start_udev() -> None:
    """Without udev's daemon, programs do not hear of devices that come and go."""
    if _UDEVD.exists():
        _quietly(_UDEVD, "--daemon")


def _wait_for_the_chip() -> None:
    """Wait until the kernel has configured it and udev's daemon, if it runs, has heard of it."""
    end = time.monotonic() + _PATIENCE
    while not any(_DEVICES.glob(_INTERFACE)):
        if time.monotonic() > end:
            raise TransportError("the kernel of the virtual machine has not configured the chip")
        time.sleep(_LOOK)
    if _UDEVD.exists():
        _quietly("udevadm", "settle")


def _quietly(*command: str | Path) -> None:
    # The guest's first program has a root of its own, and udevadm does nothing below another one.
    environment = {**os.environ, "SYSTEMD_IGNORE_CHROOT": "1"}
    nothing = subprocess.DEVNULL
    subprocess.run(command, env=environment, stdin=nothing, stdout=nothing, stderr=nothing, check=False)


Check = Callable[[], None]
"""Raises what has ended the transport, if it has ended."""


@contextmanager
def _raw_gadget(port: Port) -> Iterator[Check]:
    from dfu_emulator.transports.raw_gadget import RawGadget

    with RawGadget(port) as gadget:
        yield lambda: gadget.wait(0)


@contextmanager
def _functionfs(port: Port) -> Iterator[Check]:
    from dfu_emulator.transports.functionfs import FunctionFsGadget

    with FunctionFsGadget(port) as gadget:
        if gadget.notice:
            say(gadget.notice)
        yield lambda: gadget.wait(0)


@contextmanager
def _usbip(port: Port) -> Iterator[Check]:
    from dfu_emulator.transports.usbip import UsbipServer
    from dfu_emulator.transports.usbip.vhci import Importer

    subprocess.run(["modprobe", "vhci-hcd"], check=False)
    with UsbipServer([port], port=0) as server, Importer(server):
        yield lambda: None


_TRANSPORTS = {"raw-gadget": _raw_gadget, "functionfs": _functionfs, "usbip": _usbip}


if __name__ == "__main__":
    sys.exit(main())
