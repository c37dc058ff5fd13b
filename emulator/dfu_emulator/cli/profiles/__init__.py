"""``dfu-emulator profiles``: look at the profiles of chips, check one's own, or begin one."""

import argparse

from dfu_emulator.cli.subcommands import add_subcommands, run_subcommand

COMMANDS = {
    "list": "a table of the shipped profiles",
    "show": "all about one chip",
    "check": "say what is wrong with a profile of your own",
    "new": "write a first profile of a real board",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = "Look at the profiles of chips, check your own, or begin one from a real board."
    add_subcommands(parser, __name__, COMMANDS)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    return run_subcommand(arguments, __name__)
