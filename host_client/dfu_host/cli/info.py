"""``dfu-host info``: show all there is to know about one device."""

import argparse

from dfu_host.cli import display
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_device, session
from dfu_host.cli.report import Document
from dfu_host.errors import RefusedError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_device(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Show it, with its state before errors are cleared."""
    show = context.report.show
    with session(arguments, context) as (device, conversation):
        show(display.description(device))
        state, status = conversation.condition()
        show(display.condition(state, status))
        codes = None
        try:
            codes = conversation.commands()
            show([display.command_list(codes)])
        except RefusedError as error:
            show([f"commands       unknown ({error})"])
        show(display.memory_map(device.alternates))
    return {
        "device": display.device_document(device),
        "state": state.label,
        "status": None if status is None else status.label,
        "commands": None if codes is None else list(codes),
    }
