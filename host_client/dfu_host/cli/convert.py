"""``dfu-host convert``: turn a firmware file into another format."""

import argparse
from dataclasses import replace

from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.input import firmware_from
from dfu_host.cli.output import add_output, check_output, output, output_format
from dfu_host.cli.planning import INPUT_HELP, add_input
from dfu_host.cli.report import Document, add_report
from dfu_host.extents import extent_of
from dfu_host.firmware import Firmware, Suffix, build


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("input", help=INPUT_HELP)
    add_output(parser)
    add_input(parser)
    parser.add_argument(
        "--fill",
        type=numbers.byte,
        metavar="BYTE",
        help="what stands where there is no data, in a file without addresses (such as 0xFF)",
    )
    parser.add_argument(
        "-a",
        "--alt",
        type=numbers.byte,
        metavar="N",
        help="alternate setting of a DfuSe file (default: 0)",
    )
    parser.add_argument(
        "-d",
        "--device",
        type=numbers.ids,
        metavar="VID:PID",
        help="which device the DFU suffix names (default: that of the input, or 0483:df11)",
    )
    add_report(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Convert it."""
    kind = output_format(arguments)
    check_output(arguments)
    anywhere = None if kind.has_addresses else 0
    firmware = firmware_from(arguments.input, arguments.address, arguments.input_format, otherwise=anywhere)
    converted = build(_addressed_to(firmware, arguments), kind, arguments.fill)
    with output(arguments.file, arguments.force) as stream:
        stream.write(converted)
    size = sum(len(element.data) for image in firmware.images for element in image.elements)
    filled = 0 if kind.has_addresses else _span(firmware) - size
    context.report.say(
        f"wrote {size} bytes as {kind.description}"
        + (f", with {filled} more that fill its gaps" if filled else "")
    )
    return {"file": arguments.file, "format": kind, "bytes": size, "filled": filled}


def _span(firmware: Firmware) -> int:
    """How many bytes there are from the first address to the last."""
    extents = [extent_of(element) for image in firmware.images for element in image.elements if element.data]
    return max(end for _, end in extents) - min(start for start, _ in extents)


def _addressed_to(firmware: Firmware, arguments: argparse.Namespace) -> Firmware:
    """``firmware`` for the device and the alternate setting that the flags say."""
    suffix = firmware.suffix or Suffix()
    if arguments.device:
        suffix = replace(suffix, idVendor=arguments.device[0], idProduct=arguments.device[1])
    images = firmware.images
    if arguments.alt is not None:
        images = tuple(replace(image, alternate=arguments.alt) for image in images)
    return Firmware(images, suffix)
