"""``dfu-host unprotect``: lift the read protection, which erases everything."""

import argparse

from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_device, session
from dfu_host.cli.interruption import UNPROTECTING
from dfu_host.cli.report import Document, Stage
from dfu_host.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_device(parser)
    parser.add_argument("--yes", action="store_true", help="confirm it, as it destroys all data")


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Lift it."""
    if not arguments.yes:
        raise UsageError("this erases the whole device; add --yes if that is what you want")
    with session(arguments, context) as (_, conversation):
        context.report.stages.append(Stage(UNPROTECTING, total=0))
        conversation.read_unprotect()
        context.report.say("the read protection is lifted; the device is blank and resets")
    return {"resets": True}
