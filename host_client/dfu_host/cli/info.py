"""``dfu-host info``: show all there is to know about one device."""

import argparse

from dfu_host.cli import display
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_device, session
from dfu_host.errors import RefusedError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_device(parser)


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Show it, with its state before errors are cleared."""
    with session(arguments, context) as (device, conversation):
        print(*display.description(device), sep="\n")
        print(*display.condition(*conversation.condition()), sep="\n")
        try:
            print(display.command_list(conversation.commands()))
        except RefusedError as error:
            print(f"commands       unknown ({error})")
        display.print_memory_map(device.alternates)
