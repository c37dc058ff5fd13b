"""The flags that say where traces go."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from dfu_emulator.cli.exits import UsageError
from dfu_emulator.cli.terminal import can_colour_errors
from dfu_emulator.farm import files_of
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.trace import Traces

_TRACES = ("--trace", "--trace-json", "--pcap")


def add_trace_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the three kinds of trace."""
    parser.add_argument(
        "--trace",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write a line for each control transfer to FILE, or to the standard error",
    )
    parser.add_argument(
        "--trace-json",
        metavar="FILE",
        help="write a JSON object for each control transfer to FILE, one on each line",
    )
    parser.add_argument(
        "--pcap", metavar="FILE", help="write all control transfers to FILE, a capture (pcapng) for Wireshark"
    )


def chosen_traces(arguments: argparse.Namespace) -> Traces:
    """The traces that the flags ask for; colours are for a terminal.

    Raises UsageError where one would overwrite another, or a file that another flag or the farm file names,
    or go to the standard output.
    """
    _keep_apart(arguments)
    return Traces(
        text=arguments.trace,
        json=arguments.trace_json,
        pcap=arguments.pcap,
        colour=arguments.trace == "-" and can_colour_errors(),
    )


def _keep_apart(arguments: argparse.Namespace) -> None:
    for flag, name in (("--trace-json", arguments.trace_json), ("--pcap", arguments.pcap)):
        if name == "-":
            raise UsageError(
                f"{flag} needs a file: the standard output, which - would be, is not for traces alone; "
                "a program reads along by a pipe with a name, such as >(...) of the shell"
            )
    traces = list(_traces(arguments))
    if not traces:
        return
    taken: dict[Path, str] = {}
    for origin, name in (*_files_read(arguments), *traces):
        path = Path(name).resolve()
        if path.exists() and not path.is_file():  # such as /dev/null, which takes all
            continue
        if path in taken and origin in _TRACES:
            raise UsageError(f"{taken[path]} and {origin} both name {name}: they need a file each")
        taken.setdefault(path, origin)


def _traces(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The flags that name the file of a trace, and the file."""
    given = vars(arguments)
    for flag in _TRACES:
        name = given[flag.removeprefix("--").replace("-", "_")]
        if name not in (None, "-"):
            yield flag, name


def _files_read(arguments: argparse.Namespace) -> Iterator[tuple[str, str | Path]]:
    """Who names a file that is read, and the file."""
    given = vars(arguments)
    profiles = given.get("profile") or ()
    for name in (profiles,) if isinstance(profiles, str) else profiles:
        if is_path(name):
            yield "--profile", name
    if given.get("scenario") and is_path(given["scenario"]):
        yield "--scenario", given["scenario"]
    if given.get("image"):
        yield "--image", given["image"]
    if given.get("farm"):
        yield "--farm", given["farm"]
        if given["farm"].is_file():  # a pipe has been read, and is empty now
            for key, path in files_of(given["farm"]):
                yield f"{key} of {given['farm']}", path
