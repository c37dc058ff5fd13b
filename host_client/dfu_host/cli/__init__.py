"""The command ``dfu-host``: one module for each of its subcommands.

A module has ``configure(parser)``, which adds its flags, and ``run(arguments, context)``, which does
what the command is for.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

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

exit codes:
    0  all went well
    1  the device refused, failed, or left the bus
    2  the command makes no sense, as such or for this device
    3  no device matches, or more than one does
    4  a file is unreadable, damaged, not for this device, or cannot be written
    5  the memory reads back differently from what was written
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


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
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
