"""``dfu-host udev-rule``: print the rule with which users open their devices without root."""

import argparse

from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.report import Document, add_report

_BOOTLOADER = (0x0483, 0xDF11)
_FILE = "/etc/udev/rules.d/70-dfu-host.rules"
"""Read before 73-seat-late.rules, which acts on the tag uaccess."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Print the rule with which users of a Linux machine open devices in their bootloader without root."
        " Its first lines say how to install it."
    )
    parser.add_argument(
        "-d",
        "--device",
        type=numbers.ids,
        metavar="VID:PID",
        default=_BOOTLOADER,
        help="USB ids of the devices (default: 0483:df11)",
    )
    parser.add_argument(
        "--everyone",
        action="store_true",
        help="for all users, and where nobody logs in at a screen: over SSH, on CI;"
        " default: for users who are logged in at the machine's own screen",
    )
    add_report(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Print it."""
    vendor, product = arguments.device
    flags = "" if arguments.device == _BOOTLOADER else f" --device {vendor:04x}:{product:04x}"
    if arguments.everyone:
        flags += " --everyone"
        who, grant = "every user", 'MODE="0666"'
    else:
        who, grant = "a user who is logged in at this machine's own screen", 'TAG+="uaccess"'
    rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor:04x}", ATTR{{idProduct}}=="{product:04x}", {grant}'
    context.report.show(
        [
            f"# STM32 chips in their USB bootloader: {who} may open them without root.",
            f"# dfu-host udev-rule{flags} | sudo tee {_FILE}"
            " && sudo udevadm control --reload && sudo udevadm trigger",
            rule,
        ]
    )
    return {"rule": rule, "file": _FILE}
