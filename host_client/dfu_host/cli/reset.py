"""``dfu-host reset``: reset the device's USB port."""

import argparse

from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_device, choose
from dfu_host.cli.report import Document
from dfu_host.link import usb_errors


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Reset the device's USB port. The bootloader stays, and forgets what it was doing;"
        " the memory is as it was. 'leave' starts the application."
    )
    add_device(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Reset it."""
    device = choose(arguments, context)
    with usb_errors("resetting the port"):
        device.usb.reset()
    context.report.say("the device's USB port has been reset")
    return {}
