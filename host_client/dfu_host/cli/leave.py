"""``dfu-host leave``: start the application."""

import argparse

from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_device, session
from dfu_host.cli.report import Document
from dfu_host.session import Session


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_device(parser)
    parser.add_argument(
        "--address", type=numbers.address, help="its start (default: where the device's address pointer is)"
    )


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Start it."""
    with session(arguments, context) as (_, conversation):
        start(conversation, arguments.address, context)
    return {"address": arguments.address}


def start(conversation: Session, address: int | None, context: Context) -> None:
    """Tell the device to start the application at ``address``, by default at its address pointer."""
    conversation.leave(address)
    where = "" if address is None else f" at 0x{address:08x}"
    context.report.say(f"told the device to start the application{where}")
