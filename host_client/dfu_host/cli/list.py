"""``dfu-host list``: show every device that matches."""

import argparse

from dfu_host import bus
from dfu_host.cli import display
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_selection, selection
from dfu_host.cli.report import Document
from dfu_host.errors import NoDeviceError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_selection(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Show them with their alternate settings."""
    devices = bus.find(selection(arguments), context.backend)
    if not devices:
        raise NoDeviceError("no DfuSe device found")
    for device in devices:
        context.report.show(display.summary(device))
        if device.problem:
            context.report.say(device.problem)
    return {"devices": [display.device_document(device) for device in devices]}
