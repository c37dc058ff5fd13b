"""``dfu-host list``: show every device that matches."""

import argparse

from dfu_host import bus
from dfu_host.cli import display
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_selection, selection
from dfu_host.errors import NoDeviceError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_selection(parser)


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Show them with their alternate settings."""
    devices = bus.find(selection(arguments), context.backend)
    if not devices:
        raise NoDeviceError("no DfuSe device found")
    for device in devices:
        print(*display.summary(device), sep="\n")
        if device.problem:
            context.say(device.problem)
