"""Command line of ``dfu-host``."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from dfu_host import commands
from dfu_host.errors import ExitCode, HostError
from dfu_host.programmer import EraseMode
from dfu_protocol import __version__

_EPILOG = """\
Numbers may be decimal or 0x...; lengths may end in K or M (KiB, MiB).

exit codes:
    0  all went well
    1  the device refused, failed, or left the bus
    2  the command makes no sense, as such or for this device
    3  no device matches, or more than one does
    4  a file is unreadable, damaged, not for this device, or cannot be written
    5  the memory reads back differently from what was written
  130  interrupted
"""

DEFAULT_ALIGN = 32
"""The largest flash word of an STM32 (H74x). Smaller ones divide it, it divides pages and wTransferSize."""


def main(argv: Sequence[str] | None = None, *, backend: object | None = None) -> int:
    """Run ``dfu-host`` with ``argv`` (default: the process's) and return its exit code.

    ``backend`` is the ``usb.backend.IBackend`` to find devices with; None is PyUSB's own choice, libusb.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args, backend)
        sys.stdout.flush()
    except HostError as error:
        commands.say(str(error))
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing must be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DEVICE
    except KeyboardInterrupt:
        commands.say("interrupted")
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dfu-host",
        description="Read, erase, write and start STM32 devices in their USB bootloader (DfuSe).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    filters = _filters()
    device = argparse.ArgumentParser(add_help=False, parents=[filters])
    device.add_argument(
        "--transfer-size",
        type=_length,
        metavar="BYTES",
        help="wTransferSize of a device that shows no DFU functional descriptor",
    )
    memory = argparse.ArgumentParser(add_help=False, parents=[device])
    memory.add_argument(
        "-a",
        "--alt",
        metavar="N|NAME",
        help="alternate setting: its number, or how its name begins (default: the first)",
    )

    command = subparsers.add_parser("list", parents=[filters], help="show the devices on the bus")
    command.set_defaults(run=commands.run_list)

    command = subparsers.add_parser("info", parents=[device], help="show all there is to know about a device")
    command.set_defaults(run=commands.run_info)

    command = subparsers.add_parser("read", parents=[memory], help="copy memory to a file")
    command.set_defaults(run=commands.run_read)
    command.add_argument("file", help="file to write, or - for standard output")
    command.add_argument("--address", type=_address, help="where to begin (default: the start of the memory)")
    command.add_argument("--length", type=_length, help="how many bytes (default: to the end of the memory)")
    command.add_argument("--force", action="store_true", help="replace the file if it exists")

    _add_write(subparsers.add_parser("write", parents=[memory], help="erase, write and verify a file"))
    _add_erase(subparsers.add_parser("erase", parents=[memory], help="erase pages or everything"))

    command = subparsers.add_parser("leave", parents=[device], help="start the application")
    command.set_defaults(run=commands.run_leave)
    command.add_argument(
        "--address", type=_address, help="its start (default: where the device's address pointer is)"
    )
    return parser


def _filters() -> argparse.ArgumentParser:
    filters = argparse.ArgumentParser(add_help=False)
    filters.add_argument("-d", "--device", type=_ids, metavar="VID:PID", help="USB ids, such as 0483:df11")
    filters.add_argument("-S", "--serial", help="serial number of the device")
    filters.add_argument("-p", "--path", help="path of the device, as 'list' shows it")
    return filters


def _add_write(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_write, erase=EraseMode.PAGES)
    command.add_argument(
        "file",
        help="raw (.bin), DfuSe (.dfu), Intel HEX, S-record or ELF file; pages it touches are erased first",
    )
    command.add_argument("--address", type=_address, help="where a raw file goes")
    erasing = command.add_mutually_exclusive_group()
    erasing.add_argument(
        "--mass-erase",
        dest="erase",
        action="store_const",
        const=EraseMode.MASS,
        help="erase the whole flash before, not only the pages that are written",
    )
    erasing.add_argument(
        "--no-erase", dest="erase", action="store_const", const=EraseMode.NONE, help="erase nothing before"
    )
    command.add_argument("--no-verify", dest="verify", action="store_false", help="do not read the data back")
    command.add_argument(
        "--align",
        type=_power_of_two,
        default=DEFAULT_ALIGN,
        metavar="BYTES",
        help="write whole flash words of so many bytes, the rest of one as it is in the flash"
        f" (default: {DEFAULT_ALIGN}, which suits all; 1: the data alone)",
    )
    command.add_argument(
        "--will-reset",
        action="store_true",
        help="expect the device to reset when memory that cannot be erased, such as option bytes, is written",
    )
    command.add_argument(
        "--leave",
        action="store_true",
        help="start the application afterwards, at the lowest address of the file's first target",
    )


def _add_erase(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_erase)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--address", type=_address, help="erase the page that holds this address")
    what.add_argument("--mass", action="store_true", help="erase the whole flash")
    what.add_argument(
        "--unprotect",
        action="store_true",
        help="lift the read protection, which erases everything",
    )
    command.add_argument("--length", type=_length, help="erase all pages that so many bytes touch")
    command.add_argument("--yes", action="store_true", help="confirm --unprotect, as it destroys all data")


def _address(text: str) -> int:
    value = _number(text, "an address")
    if value >= 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is above the 32-bit address space")
    return value


def _length(text: str) -> int:
    unit = {"K": 1024, "M": 1024 * 1024}.get(text[-1:].upper(), 1)
    value = unit * _number(text[:-1] if unit > 1 else text, "a length")
    if not value:
        raise argparse.ArgumentTypeError("a length is at least 1 byte")
    return value


def _power_of_two(text: str) -> int:
    value = _number(text, "a power of two")
    if value.bit_count() != 1:
        raise argparse.ArgumentTypeError(f"{text} is no power of two")
    return value


def _number(text: str, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _ids(text: str) -> tuple[int, int]:
    ids = re.fullmatch(r"([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4})", text)
    if not ids:
        raise argparse.ArgumentTypeError(f"{text!r} is not VID:PID in hex, such as 0483:df11")
    return int(ids[1], 16), int(ids[2], 16)
