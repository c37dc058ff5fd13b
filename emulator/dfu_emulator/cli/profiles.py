"""``dfu-emulator profiles``: the chips that can be emulated."""

import argparse

from dfu_emulator.cli import profiles_new


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own subcommands."""
    subparsers = parser.add_subparsers(dest="profiles_command", required=True, metavar="COMMAND")
    profiles_new.configure(subparsers.add_parser("new", help="write a first profile of a real board"))


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    return profiles_new.run(arguments)
