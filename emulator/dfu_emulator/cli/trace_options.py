"""The flags that say where traces go."""

import argparse

from dfu_emulator.cli.terminal import can_colour_errors
from dfu_emulator.trace import Traces


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
    """The traces that the flags ask for; colours are for a terminal."""
    return Traces(
        text=arguments.trace,
        json=arguments.trace_json,
        pcap=arguments.pcap,
        colour=arguments.trace == "-" and can_colour_errors(),
    )
