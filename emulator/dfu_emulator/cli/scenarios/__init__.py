"""``dfu-emulator scenarios``: look at the catalogue of faults and conditions."""

import argparse

from dfu_emulator.cli.subcommands import add_subcommands, run_subcommand

COMMANDS = {
    "list": "the scenarios of the catalogue, a line each",
    "show": "all about one scenario, of the catalogue or your own",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = "Look at scenarios: faults and conditions that --scenario NAME puts a chip through."
    add_subcommands(parser, __name__, COMMANDS)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    return run_subcommand(arguments, __name__)
