"""Commands that have subcommands: a package of modules, one for each, as ``dfu_emulator.cli`` itself is."""

import argparse
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType


def add_subcommands(parser: argparse.ArgumentParser, package: str, summaries: Mapping[str, str]) -> None:
    """Add the subcommands of ``summaries``, which says what each is for."""
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name, summary in summaries.items():
        _module(package, name).configure(subparsers.add_parser(name, help=summary))


def run_subcommand(arguments: argparse.Namespace, package: str) -> int:
    """Run the chosen subcommand; returns the exit code."""
    code: int = _module(package, arguments.subcommand).run(arguments)
    return code


def _module(package: str, name: str) -> ModuleType:
    return import_module(f"{package}.{name.replace('-', '_')}")
