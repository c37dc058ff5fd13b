"""``dfu-host read``: copy memory to a file."""

import argparse
from collections.abc import Iterator

from dfu_host.bus import Alternate
from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, memory, session
from dfu_host.cli.output import add_output, check_output, output, output_format
from dfu_host.cli.report import Document
from dfu_host.errors import UsageError
from dfu_host.firmware import Firmware, Format, Image, Suffix, build
from dfu_host.plan import check_length, contiguous_end
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

_PART = 16 * 1024
"""Bytes that are read again as a whole where two reads of them differ."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    add_output(parser)
    add_range(parser)


def add_range(parser: argparse.ArgumentParser) -> None:
    """Flags that say which part of a memory, and with how much care."""
    parser.add_argument(
        "--address", type=numbers.address, help="where to begin (default: the start of the memory)"
    )
    parser.add_argument(
        "--length", type=numbers.length, help="how many bytes (default: to the end of the memory)"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read each part until it is the same twice, as a read may go wrong",
    )


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Copy it."""
    kind = output_format(arguments)
    check_output(arguments)
    with (
        output(arguments.file, arguments.force) as stream,
        session(arguments, context) as (device, conversation),
    ):
        alternate = memory(device, arguments.alt, arguments.address)
        conversation.select(alternate.number)
        address, length = range_to_read(alternate, arguments.address, arguments.length)
        kept = bytearray()
        with context.report.track("reading", length) as advance:
            blocks = _blocks_for_sure if arguments.verify else Session.read
            for block in blocks(conversation, address, length):
                if kind is Format.RAW:
                    stream.write(block)
                else:
                    kept += block
                advance(len(block))
        if kind is not Format.RAW:
            image = Image(alternate.number, (Element(address, bytes(kept)),), alternate.name)
            suffix = Suffix(device.usb.idVendor, device.usb.idProduct)
            stream.write(build(Firmware((image,), suffix), kind))
    context.report.say(
        f"read {length} bytes from 0x{address:08x} on" + (", twice the same" if arguments.verify else "")
    )
    return {
        "file": arguments.file,
        "format": kind,
        "alternate": alternate.number,
        "address": address,
        "length": length,
        "verified": arguments.verify,
    }


def _blocks_for_sure(conversation: Session, address: int, length: int) -> Iterator[bytes]:
    """The same as ``Session.read``, each part once two reads of it agree."""
    for start in range(address, address + length, _PART):
        size = min(_PART, address + length - start)
        yield conversation.run(conversation.conversation.contents_for_sure(start, size))


def range_to_read(alternate: Alternate, address: int | None, length: int | None) -> tuple[int, int]:
    """(address, length): by default from the first segment to the end of those that follow without a gap."""
    if address is None:
        address = alternate.known_layout.segments[0].address
    if length is None:
        end = contiguous_end(alternate.layout, address) if alternate.layout else None
        if end is None:
            raise UsageError(f"0x{address:08x} is not in alternate {alternate.number}; give --length")
        length = end - address
    elif alternate.layout:
        check_length(alternate.layout, address, length)
    return address, length
