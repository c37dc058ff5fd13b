"""Commands that have subcommands: a package of modules, one for each, as ``dfu_emulator.cli`` itself is."""

import argparse
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from dfu_emulator.cli.exits import Exit


def add_subcommands(parser: argparse.ArgumentParser, package: str, summaries: Mapping[str, str]) -> None:
    """Add the subcommands of ``summaries``, which says what each is for."""
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name, summary in summaries.items():
        _module(package, name).configure(subparsers.add_parser(name, help=summary))


def run_subcommand(arguments: argparse.Namespace, package: str) -> int:
    """Run the chosen subcommand; returns the exit code."""
    try:
        code: int = _module(package, arguments.subcommand).run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing must be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return code


def _module(package: str, name: str) -> ModuleType:
    return import_module(f"{package}.{name.replace('-', '_')}")
