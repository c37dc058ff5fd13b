"""The command ``dfu-host``: one module for each of its subcommands.

A module has ``configure(parser)``, which adds its flags, and ``run(arguments, context)``, which does what the
command is for and returns its result as a document.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from dfu_host.cli import failure
from dfu_host.cli.context import Context
from dfu_host.cli.interruption import left_behind, terminable
from dfu_host.cli.report import ForPeople, ForPrograms, Report
from dfu_host.cli.streams import silence, standard_output
from dfu_host.errors import ExitCode, HostError, InterruptedJob, OutputError
from dfu_host.ledger import Remains
from dfu_protocol import __version__

COMMANDS = {
    "list": "show the devices on the bus",
    "info": "show all there is to know about a device",
    "read": "copy memory to a file",
    "write": "erase, write and verify a file",
    "verify": "compare a file with the memory",
    "erase": "erase pages or everything",
    "unprotect": "lift the read protection, which erases everything",
    "options": "show the option bytes, or change them",
    "otp": "read or write the one-time programmable memory",
    "leave": "start the application",
    "reset": "reset the device's USB port",
    "wait": "wait until a device is there, or gone",
    "convert": "turn a firmware file into another format",
    "udev-rule": "print the udev rule with which users open devices without root",
}

_EPILOG = """\
'dfu-host COMMAND --help' shows the flags of a command. Numbers may be decimal or 0x...;
lengths may end in K or M (KiB, MiB).

exit codes, those of sysexits.h as dfu-util uses them:
    0  all went well
    1  the memory is not as the file has it, or not blank after an erase
   64  the command makes no sense, as such or for this device
   65  a file is damaged, or does not fit the device
   66  a file cannot be read
   73  a file, or standard output, cannot be written
   74  no device matches, or several do; or it refused, failed, or left the bus
  130  interrupted
"""


def main(argv: Sequence[str] | None = None, *, backend: object | None = None) -> int:
    """Run ``dfu-host`` with ``argv`` (default: the process's) and return its exit code.

    ``backend`` is the ``usb.backend.IBackend`` to find devices with; None is PyUSB's own choice, libusb.
    """
    if sys.stderr is None:  # it was closed before we began, and print() would take standard output instead
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the end of the process
    report: Report = ForPeople()
    try:
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        if arguments.json:
            report = ForPrograms()
        document = _carry_out(arguments, report, backend)
        report.finish(document)
        return int(document["exit_code"])
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing must be written at exit.
        silence(sys.stdout)
        return ExitCode.DEVICE
    except OutputError as error:
        report.say(str(error))
        return error.exit_code


def _carry_out(arguments: argparse.Namespace, report: Report, backend: object | None) -> dict[str, Any]:
    """Run the command and return its document, also where it fails."""
    code, outcome = ExitCode.OK, {}
    try:
        if arguments.verbose:
            from dfu_host.cli.tracing import Tracing

            backend = Tracing(backend, report)
        with terminable():
            outcome = arguments.run(arguments, Context(report, backend))
        code = ExitCode(outcome.get("exit_code", ExitCode.OK))
    except HostError as error:
        report.say(str(error))
        if error.remains:
            report.say(left_behind(error.remains, arguments.command, lasting=error.lasting))
        code, outcome = error.exit_code, {"error": failure.document(error)}
    except KeyboardInterrupt as interrupt:
        text = " ".join(["interrupted", *getattr(interrupt, "__notes__", ())])
        if isinstance(interrupt, InterruptedJob) and interrupt.remains != Remains():
            text += f"; {left_behind(interrupt.remains, arguments.command)}"
        report.say(text)
        code, outcome = ExitCode.INTERRUPTED, {"error": failure.interruption(interrupt, text)}
    return {"command": arguments.command, **outcome, "exit_code": code}


class _Parser(argparse.ArgumentParser):
    """One whose ends have the exit codes of sysexits.h; its subparsers are of its kind."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if not status:
            with standard_output():
                sys.stdout.flush()  # what of a help text cannot be written is only known now
        super().exit(status, message)

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
    parser.set_defaults(verbose=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name == chosen:  # the others' modules are not even loaded
            module = import_module(f"{__name__}.{name.replace('-', '_')}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    return parser.parse_args(argv)
