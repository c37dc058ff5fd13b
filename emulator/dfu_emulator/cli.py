"""The command ``dfu-emulator``."""

import argparse
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from dfu_emulator.emulation import TIMINGS, ChipOptions
from dfu_emulator.memory import ImageError
from dfu_emulator.profile import ProfileError, available
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, UniqueId, parse_unique_id
from dfu_emulator.trace import TraceError
from dfu_emulator.transports import TransportError
from dfu_protocol import ProtocolError, __version__
from dfu_protocol.descriptors import build_string


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


_EXEC_EXIT_CODES = """\
exit codes: the command's own; 128 + N if signal N ended it, 126 if it cannot be executed, 127 if there is
none; 2 for wrong flags, an unusable profile, image or trace file, or a missing preload library
"""
_DEMO_EXIT_CODES = """\
exit codes: 0 if all was read back as written, 1 if not, 2 for wrong flags or an unusable profile
"""
_RUN_EXIT_CODES = """\
exit codes: 0 once SIGINT or SIGTERM ends it, 2 for wrong flags, an unusable profile, farm file, image or
trace file, or a transport that does not work here
"""


class UsageError(Exception):
    """Flags that do not go together; the message says what to do."""


_PROFILE_HELP = f"a chip's name ({', '.join(available())}) or the path of a YAML file"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parse(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except (UsageError, ProfileError, ImageError, TraceError, TransportError) as error:
        print(f"dfu-emulator: {error}", file=sys.stderr)
        return Exit.USAGE


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dfu-emulator", description="An STM32 in its ROM USB bootloader, in software."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    execute = commands.add_parser(
        "exec",
        help="run a command that sees the chip as a USB device",
        description="Run a command, e.g. dfu-util, that sees the emulated chip through libusb. "
        "Needs no root and no USB; it sees no other USB device.",
        epilog=_EXEC_EXIT_CODES,
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
    )
    execute.add_argument("--profile", required=True, metavar="CHIP", help=_PROFILE_HELP)
    _add_chip_options(execute)
    execute.add_argument("argv", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")

    run = _add_run(commands)

    demo = commands.add_parser(
        "demo",
        help="flash a chip, read it back and show what happened",
        description="Write a small firmware to an emulated chip with dfu-util, or with dfu-host where that "
        "is missing, read it back, start it, and show what the chip saw.",
        epilog=_DEMO_EXIT_CODES,
    )
    demo.add_argument("--profile", default="stm32f405", metavar="CHIP", help="default: %(default)s")

    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        used = {"exec": execute, "run": run, "demo": demo}[arguments.command]
        hint = "; put -- before the command" if used is execute else ""
        used.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return arguments


def _add_run(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    from dfu_emulator.run import TRANSPORTS

    run = commands.add_parser(
        "run",
        help="serve chips until told to stop",
        description="Serve chips to other programs and machines until SIGINT (Ctrl-C) or SIGTERM.",
        epilog=_RUN_EXIT_CODES,
    )
    run.add_argument("--transport", required=True, choices=TRANSPORTS, help="the way to the chips")
    chips = run.add_mutually_exclusive_group(required=True)
    chips.add_argument(
        "--profile", action="append", metavar="CHIP", help=f"{_PROFILE_HELP}; give it again for another chip"
    )
    chips.add_argument(
        "--farm", type=Path, metavar="FILE", help="a YAML file that lists chips, each with its own options"
    )
    run.add_argument(
        "--listen",
        type=_listen,
        default="127.0.0.1:3240",
        metavar="HOST:PORT",
        help="where USB/IP listens; default: %(default)s",
    )
    run.add_argument(
        "--udc",
        metavar="NAME",
        help="USB device controller of functionfs and raw-gadget; default: dummy_hcd's, else the only one",
    )
    _add_chip_options(run)
    return run


def _add_chip_options(parser: argparse.ArgumentParser) -> None:
    words = "-".join(f"{word:08X}" for word in DEFAULT_UNIQUE_ID)
    parser.add_argument(
        "--image", type=_file, metavar="FILE", help="keep the flash in FILE, made if it does not exist"
    )
    parser.add_argument(
        "--timing",
        choices=TIMINGS,
        default="fast",
        help="real: erase and program take as long as on the chip; default: fast",
    )
    parser.add_argument("--uid", type=_unique_id, help=f"default: {words}")
    parser.add_argument(
        "--serial", type=_serial, help="serial number, in place of the one made from the unique id"
    )
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


def _file(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of a file is missing")
    return Path(text)


def _serial(text: str) -> str:
    try:
        build_string(text)
    except ProtocolError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not text:
        raise argparse.ArgumentTypeError("a serial number has at least one character")
    return text


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 1 << 16):
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, like 127.0.0.1:3240, not {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def chip_options(arguments: argparse.Namespace) -> ChipOptions:
    """The chip options of ``exec`` and ``run``."""
    return ChipOptions(
        image=arguments.image,
        timing=arguments.timing,
        unique_id=arguments.uid or DEFAULT_UNIQUE_ID,
        serial=arguments.serial,
        rdp=arguments.rdp,
        boot0=arguments.boot0 == "high",
    )


def _exec(arguments: argparse.Namespace) -> int:
    from dfu_emulator.execute import execute

    return execute(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from dfu_emulator.run import run

    return run(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    from dfu_emulator.demo import run

    return Exit.OK if run(arguments.profile) else Exit.DIFFERENT


_COMMANDS = {"exec": _exec, "run": _run, "demo": _demo}
