"""``dfu-emulator exec``: run a command that sees the chip."""

import argparse
import contextlib
from collections.abc import Iterator

from dfu_emulator.cli import process
from dfu_emulator.cli.advising import advising
from dfu_emulator.cli.chip_options import PROFILE_HELP, add_chip_options, chip_options, chosen_profile
from dfu_emulator.cli.exits import say
from dfu_emulator.cli.trace_options import chosen_traces
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.scenario import FaultyDevice
from dfu_emulator.trace import Tracing
from dfu_emulator.transports.preload import PreloadBus

_EXIT_CODES = """\
exit codes: the command's own; 128 + N if signal N ended it, 126 if it cannot be executed, 127 if there is
none; 2 for wrong flags, an unusable profile, image or trace file, or a missing preload library
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Run a command, e.g. dfu-util, that sees the emulated chip through libusb. "
        "Needs no root and no USB; it sees no other USB device."
    )
    parser.epilog = _EXIT_CODES
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what describes a chip and a command that sees it."""
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("--profile", required=True, metavar="CHIP", help=PROFILE_HELP)
    add_chip_options(parser)
    parser.add_argument("argv", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")


def run(arguments: argparse.Namespace) -> int:
    """Emulate the chip that the flags describe while the command runs; returns the command's exit code."""
    with plugged_in(arguments) as (port, environment), advising(port, arguments.advice):
        return process.run(arguments.argv, environment)


@contextlib.contextmanager
def plugged_in(arguments: argparse.Namespace) -> Iterator[tuple[Port, dict[str, str]]]:
    """The chip that the flags describe, at a port, and the environment in which commands see it.

    Raises what has taken the chip away, if something has.
    """
    with contextlib.ExitStack() as stack:
        profile = chosen_profile(arguments, arguments.profile)
        tracing = stack.enter_context(Tracing(chosen_traces(arguments), say))
        (watchers,) = tracing.watchers
        port = stack.enter_context(emulated(profile, **chip_options(arguments).keywords(), watchers=watchers))
        bus = stack.enter_context(PreloadBus(port))
        tracing.begin()
        if not port.attached:
            say("at read protection level 2 the bootloader never runs: no device")
        yield port, bus.environment()
        if isinstance(port.device, FaultyDevice) and not port.device.hits:
            say(
                f"no request was hit: 'dfu-emulator scenarios show {arguments.scenario}' says which ones the"
                " scenario is about"
            )
        if port.failure is not None:
            raise port.failure
