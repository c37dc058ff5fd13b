"""``dfu-host read``: copy memory to a file."""

import argparse

from dfu_host.bus import Alternate
from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, layout_of, select, session
from dfu_host.cli.output import output
from dfu_host.errors import UsageError
from dfu_host.plan import contiguous_end
from dfu_host.progress import bar


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    parser.add_argument("file", help="file to write, or - for standard output")
    parser.add_argument(
        "--address", type=numbers.address, help="where to begin (default: the start of the memory)"
    )
    parser.add_argument(
        "--length", type=numbers.length, help="how many bytes (default: to the end of the memory)"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Copy it."""
    with (
        output(arguments.file, arguments.force) as stream,
        session(arguments, context) as (device, conversation),
    ):
        alternate = select(device, conversation, arguments.alt)
        address, length = range_to_read(alternate, arguments.address, arguments.length)
        with bar("reading", length) as advance:
            for block in conversation.read(address, length):
                stream.write(block)
                advance(len(block))
    context.say(f"read {length} bytes from 0x{address:08x} on")


def range_to_read(alternate: Alternate, address: int | None, length: int | None) -> tuple[int, int]:
    """(address, length): by default from the first segment to the end of those that follow without a gap."""
    if address is None:
        address = layout_of(alternate).segments[0].address
    end = contiguous_end(alternate.layout, address) if alternate.layout else None
    if length is None:
        if end is None:
            raise UsageError(f"0x{address:08x} is not in alternate {alternate.number}; give --length")
        length = end - address
    elif end is not None and address + length > end:
        raise UsageError(
            f"{length} bytes from 0x{address:08x} on are too many: the memory ends at 0x{end - 1:08x}"
        )
    return address, length
