"""The flags that say where traces go."""

import argparse
from pathlib import Path

from dfu_emulator.cli.exits import UsageError
from dfu_emulator.cli.terminal import can_colour_errors
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

    Raises UsageError where one would overwrite another, or a file that another flag names.
    """
    _keep_apart(arguments)
    return Traces(
        text=arguments.trace,
        json=arguments.trace_json,
        pcap=arguments.pcap,
        colour=arguments.trace == "-" and can_colour_errors(),
    )


def _keep_apart(arguments: argparse.Namespace) -> None:
    taken: dict[Path, str] = {}
    for flag in ("--image", "--scenario", "--farm", *_TRACES):
        name = getattr(arguments, flag.removeprefix("--").replace("-", "_"), None)
        if name is None or name == "-":
            continue
        path = Path(name).resolve()
        if path.exists() and not path.is_file():  # such as /dev/null, which takes all
            continue
        if path in taken and flag in _TRACES:
            raise UsageError(f"{taken[path]} and {flag} both name {name}: they need a file each")
        taken[path] = flag
