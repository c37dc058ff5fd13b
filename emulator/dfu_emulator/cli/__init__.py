"""The command ``dfu-emulator``: one module for each of its subcommands.

A module has ``configure(parser)``, which adds its flags, and ``run(arguments)``, which returns the exit code.
"""

import argparse
import errno
import io
import os
import select
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from dfu_emulator.cli.exits import Exit, UsageError
from dfu_emulator.memory import ImageError
from dfu_emulator.profile import ProfileError
from dfu_emulator.trace import TraceError
from dfu_emulator.transports import TransportError
from dfu_protocol import __version__

COMMANDS = {
    "exec": "run a command that sees the chip as a USB device",
    "lint": "run a host tool against the chip and report what it does wrong",
    "replay": "say where a captured session with a chip and the emulator differ",
    "vm": "run a command in a virtual machine that has the chip as a true USB device",
    "run": "serve chips until told to stop",
    "demo": "flash a chip, read it back and show what happened",
    "doctor": "say which ways to the chip work on this machine, and what helps where one does not",
    "udev-rule": "print the udev rule with which host tools open STM32 chips without root",
    "profiles": "look at the profiles of chips, check your own, or begin one from a real board",
    "scenarios": "look at the faults and conditions that a chip can be put through",
}

_NO_READER = {errno.EPIPE: signal.SIGPIPE, errno.EIO: signal.SIGHUP}
"""What it is called when nobody reads our output any more, as by head, or the terminal has been closed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # tables are cut by "…", which not every terminal has
    try:
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()  # what cannot be written is only known now
    except OSError as error:
        if error.filename is not None or error.errno not in (*_NO_READER, errno.ENOSPC):
            raise
        if error.errno in _NO_READER and _has_reader():
            raise  # of something else, such as a device
        _silence_stdout()
        if error.errno in _NO_READER:
            return Exit.SIGNALLED + _NO_READER[error.errno]
        print(f"dfu-emulator: cannot write to standard output: {error.strerror}", file=sys.stderr)
        return Exit.USAGE


def _has_reader() -> bool:
    """Whether the standard output is neither a pipe without a reader nor a terminal that has been closed."""
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)
    return not watched.poll(0)  # which tells of POLLERR and POLLHUP unasked


def _silence_stdout() -> None:
    """What is left in its buffer cannot be written: Python would say so once more while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dfu-emulator",
        description="An STM32 in its ROM USB bootloader, in software.",
        epilog="Ctrl-C ends a command with exit code 130, but 'run', which is meant to be ended so, with 0;"
        " 'exec' and 'lint' end as the program does that they run.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    used = parser
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name == chosen:  # the others' modules are not even loaded
            module = import_module(f"{__name__}.{name.replace('-', '_')}")
            module.configure(subparser)
            used = subparser
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        hint = "; put -- before the command" if hasattr(arguments, "argv") else ""
        used.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    try:
        code: int = module.run(arguments)
    except (UsageError, ProfileError, ImageError, TraceError, TransportError) as error:
        print(f"dfu-emulator: {error}", file=sys.stderr)
        return Exit.USAGE
    return code
