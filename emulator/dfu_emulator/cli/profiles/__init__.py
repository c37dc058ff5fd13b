"""``dfu-emulator profiles``: look at the profiles of chips, check one's own, or begin one.

As in ``dfu_emulator.cli``, one module for each of its subcommands.
"""

import argparse
from importlib import import_module
from types import ModuleType

COMMANDS = {
    "list": "a table of the shipped profiles",
    "show": "all about one chip",
    "check": "say what is wrong with a profile of your own",
    "new": "write a first profile of a real board",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = "Look at the profiles of chips, check your own, or begin one from a real board."
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        _module(name).configure(subparsers.add_parser(name, help=summary))


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    code: int = _module(arguments.subcommand).run(arguments)
    return code


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
