"""``dfu-host wait``: wait until a device is there, or gone."""

import argparse
import time
from collections.abc import Sequence

from dfu_host import bus
from dfu_host.bus import DfuDevice
from dfu_host.cli import display, numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_selection, selection
from dfu_host.cli.report import Document
from dfu_host.errors import NoDeviceError, StillThereError

_INTERVAL = 0.1
"""Seconds between two looks at the bus."""
_SETTLING = 2.0
"""Seconds that udev may take until it lets users open a device that has just appeared."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_selection(parser)
    parser.add_argument(
        "--timeout", type=numbers.seconds, metavar="SECONDS", help="give up after so long (default: never)"
    )
    parser.add_argument("--gone", action="store_true", help="wait until no device matches any more")


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Look until it is so."""
    began = time.monotonic()
    appeared = None
    while True:
        found = bus.find(selection(arguments), context.backend)
        now = time.monotonic()
        appeared = (appeared or now) if found else None
        settled = appeared is not None and _is_settled(found, now - appeared)
        if not found if arguments.gone else settled:
            for device in found:
                context.report.show(display.summary(device))
            return {"devices": [display.device_document(device) for device in found]}
        if arguments.timeout is not None and now - began >= arguments.timeout:
            after = f"after {arguments.timeout:g} s"
            if arguments.gone:
                raise StillThereError(f"a device is still there {after}")
            raise NoDeviceError(f"no device has appeared {after}")
        time.sleep(_INTERVAL)


def _is_settled(found: Sequence[DfuDevice], since: float) -> bool:
    """Whether the next command can open what is there, or has waited long enough for udev to allow it."""
    return since >= _SETTLING or not any(device.problem for device in found)
