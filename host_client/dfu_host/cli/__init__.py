"""The command ``dfu-host``: one module for each of its subcommands.

A module has ``configure(parser)``, which adds its flags, and ``run(arguments, context)``, which does
what the command is for.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from dfu_host.cli.context import Context
from dfu_host.errors import ExitCode, HostError
from dfu_protocol import __version__

COMMANDS = {
    "list": "show the devices on the bus",
    "info": "show all there is to know about a device",
    "read": "copy memory to a file",
    "write": "erase, write and verify a file",
    "erase": "erase pages or everything",
    "leave": "start the application",
}

_EPILOG = """\
Numbers may be decimal or 0x...; lengths may end in K or M (KiB, MiB).

exit codes, those of sysexits.h as dfu-util uses them:
    0  all went well
    1  the memory is not as the file has it
   64  the command makes no sense, as such or for this device
   65  a file is damaged, or does not fit the device
   66  a file cannot be read
   73  a file cannot be written
   74  no device matches, or several do; or it refused, failed, or left the bus
  130  interrupted
"""


def main(argv: Sequence[str] | None = None, *, backend: object | None = None) -> int:
    """Run ``dfu-host`` with ``argv`` (default: the process's) and return its exit code.

    ``backend`` is the ``usb.backend.IBackend`` to find devices with; None is PyUSB's own choice, libusb.
    """
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    context = Context(backend)
    try:
        arguments.run(arguments, context)
        sys.stdout.flush()
    except HostError as error:
        context.say(str(error))
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing must be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DEVICE
    except KeyboardInterrupt:
        context.say("interrupted")
        return ExitCode.INTERRUPTED
    return ExitCode.OK


class _Parser(argparse.ArgumentParser):
    """One whose errors have the exit code of sysexits.h; its subparsers are of its kind."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="dfu-host",
        description="Read, erase, write and start STM32 devices in their USB bootloader (DfuSe).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name == chosen:  # the others' modules are not even loaded
            module = import_module(f"{__name__}.{name}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    return parser.parse_args(argv)
