"""``dfu-emulator vm``: run a command in a virtual machine, with the chip plugged in."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from dfu_emulator import vm
from dfu_emulator.cli import guest
from dfu_emulator.cli.chip_options import PROFILE_HELP, add_chip_options, chip_options, chosen_profile
from dfu_emulator.cli.exits import Exit, UsageError, say
from dfu_emulator.cli.trace_options import chosen_traces
from dfu_emulator.emulation import emulated
from dfu_emulator.memory import FlashImage

_TRANSPORTS = {
    "raw-gadget": ("dummy_hcd", "raw_gadget"),
    "functionfs": ("dummy_hcd", "libcomposite", "usb_f_fs"),
    "usbip": ("vhci_hcd",),
}
"""The kernel's modules that each needs."""
_BEST, _EASIEST = "raw-gadget", "usbip"
_LOG_END = 1000

_EXIT_CODES = """\
exit codes: the command's own; 124 at the time limit, 128 + N if signal N ended it, 126 if it cannot be
executed, 127 if there is none; 2 for wrong flags, an unusable profile, image or trace file, or a virtual
machine that does not work here
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Run a command, e.g. a test suite, in a throw-away virtual machine that has the emulated chip as a "
        "true USB device. It sees this machine's files; what it writes below the current folder stays, all "
        "else is gone afterwards."
    )
    parser.epilog = _EXIT_CODES
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument(
        "--profile", default="stm32f405", metavar="CHIP", help=f"{PROFILE_HELP}; default: %(default)s"
    )
    parser.add_argument(
        "--transport",
        choices=_TRANSPORTS,
        help=f"the way to the chip; default: {_BEST}, or {_EASIEST} where raw_gadget cannot be had",
    )
    parser.add_argument(
        "--kernel",
        metavar="KERNEL",
        help="a series of the distribution's kernels, like 6.12, or the path of a kernel's package (.deb) or "
        "of a folder with boot/ and lib/modules/; default: the newest that is tested with, else the newest",
    )
    parser.add_argument(
        "--time-limit",
        type=_seconds,
        metavar="SECONDS",
        help="end the machine after this time, its start included",
    )
    add_chip_options(parser)
    parser.add_argument("argv", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Run the command in the virtual machine that the flags describe; returns the command's exit code."""
    profile = chosen_profile(arguments, arguments.profile)
    options = chip_options(arguments)
    traces = chosen_traces(arguments)
    with emulated(profile, **replace(options, image=None).keywords()):
        pass  # what does not fit the chip is told before a machine is started
    folders = [Path.cwd()]
    with _ended_by_signals(), ExitStack() as stack:
        if options.image is not None:
            image = options.image.resolve()
            # Made here, so that what is wrong is told at once, and locked: guests' locks do not get this far.
            stack.callback(FlashImage(image, profile.memory.flash).close)
            options = replace(options, image=image)
            folders.append(image.parent)
        traces = stack.enter_context(traces.locked())  # for the same reasons
        folders += traces.folders()
        try:
            vm.require_programs()
            kernel, transport = _kernel(arguments.kernel, arguments.transport)
            task = guest.Task(
                arguments.profile,
                arguments.rom_version,
                arguments.set,
                transport,
                options,
                traces,
                arguments.advice,
            )
            outcome = vm.run(
                kernel,
                guest.command(task, arguments.argv),
                folders=folders,
                environment=_environment(),
                time_limit=arguments.time_limit,
                output=sys.stdout.buffer,
                errors=sys.stderr.buffer,
            )
        except vm.VmTimeout as error:
            say(f"{error}; the end of the kernel's log there:\n{error.outcome.console[-_LOG_END:]}")
            return Exit.TIME_LIMIT
        except vm.VmError as error:
            raise UsageError(str(error)) from None
    return outcome.code


def _environment() -> Mapping[str, str]:
    """Ours, and as sudo has it: git trusts root with the files of the user in whose name it acts."""
    return {**os.environ, "SUDO_UID": str(os.getuid()), "SUDO_GID": str(os.getgid())}


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A signal takes the machine down in order: the command in it does not hear of it."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(Exit.SIGNALLED + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, end)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kernel(wanted: str | None, asked: str | None) -> tuple[vm.Kernel, str]:
    """A kernel, and a transport that works with it: the one asked for, if one is."""
    given = wanted is not None and (os.sep in wanted or Path(wanted).exists())
    kernel = vm.given(Path(wanted)) if wanted and given else vm.obtain(wanted, raw_gadget=False, tell=say)
    transport = asked or _BEST
    if not given and _lacking(kernel, transport) == ["raw_gadget"]:
        try:
            vm.obtain(wanted, tell=say)
        except vm.VmError as error:
            if asked is not None:
                raise
            say(str(error))
    lacking = _lacking(kernel, transport)
    if asked is None and lacking:
        say(f"with --transport {_EASIEST}, because Linux {kernel.release} has no {', '.join(lacking)}")
        transport = _EASIEST
        lacking = _lacking(kernel, transport)
    if lacking:
        raise UsageError(
            f"Linux {kernel.release} has no module {', '.join(lacking)}, which --transport {transport} needs "
            "in a virtual machine: choose another --kernel or --transport"
        )
    return kernel, transport


def _lacking(kernel: vm.Kernel, transport: str) -> list[str]:
    return kernel.lacks([*vm.BOOT_MODULES, *_TRANSPORTS[transport]])
