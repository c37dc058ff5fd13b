"""The command ``dfu-emulator``."""

import argparse
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from dfu_emulator import __version__
from dfu_emulator.emulation import TIMINGS
from dfu_emulator.memory import ImageError
from dfu_emulator.profile import ProfileError
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, UniqueId, parse_unique_id
from dfu_emulator.transports import TransportError


class Exit(IntEnum):
    """Exit codes; ``exec`` otherwise hands back its command's own."""

    OK = 0
    DIFFERENT = 1
    """The demo read back something else than it wrote."""
    USAGE = 2
    """Wrong flags, an unusable profile or image, or a transport that does not work here."""
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    SIGNALLED = 128
    """Plus the number of the signal that ended the command."""


_EXIT_CODES = """\
exit codes:
  exec: the command's own; 128 + N if signal N ended it, 126 if it cannot be executed, 127 if there is none
  demo: 0 if all was read back as written, 1 if not
  2: wrong flags, an unusable profile or image, or a transport that does not work here
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "exec":
            return _exec(arguments)
        return _demo(arguments)
    except (ProfileError, ImageError, TransportError) as error:
        print(f"dfu-emulator: {error}", file=sys.stderr)
        return Exit.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dfu-emulator",
        description="An STM32 in its ROM USB bootloader, in software.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    execute = commands.add_parser(
        "exec",
        help="run a command that sees the chip as a USB device",
        description="Run a command, e.g. dfu-util, that sees the emulated chip through libusb. "
        "Needs no root and no USB; it sees no other USB device.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
    )
    _add_chip_options(execute)
    execute.add_argument("argv", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")

    demo = commands.add_parser("demo", help="flash a chip, read it back and show what happened")
    demo.add_argument("--profile", default="stm32f405", metavar="CHIP", help="default: %(default)s")
    return parser


def _add_chip_options(parser: argparse.ArgumentParser) -> None:
    words = "-".join(f"{word:08X}" for word in DEFAULT_UNIQUE_ID)
    parser.add_argument("--profile", required=True, metavar="CHIP", help="a chip's name, or a YAML file")
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="keep the flash in FILE, made if it does not exist"
    )
    parser.add_argument(
        "--timing",
        choices=TIMINGS,
        default="fast",
        help="real: erase and program take as long as on the chip; default: fast",
    )
    parser.add_argument("--uid", type=_unique_id, default=DEFAULT_UNIQUE_ID, help=f"default: {words}")
    parser.add_argument("--serial", help="serial number, in place of the one made from the unique id")
    parser.add_argument(
        "--rdp",
        type=int,
        choices=(0, 1, 2),
        default=0,
        help="read protection level to begin with; default: 0",
    )
    parser.add_argument(
        "--boot0",
        choices=("high", "low"),
        default="high",
        help="the BOOT0 pin: whether a reset leads back to the bootloader; default: high",
    )
    parser.add_argument(
        "--trace",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write a line for each control transfer to FILE, or to the standard error",
    )


def _unique_id(text: str) -> UniqueId:
    try:
        return parse_unique_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _exec(arguments: argparse.Namespace) -> int:
    from dfu_emulator.execute import execute

    return execute(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    from dfu_emulator.demo import run

    return Exit.OK if run(arguments.profile) else Exit.DIFFERENT
