"""``dfu-emulator udev-rule``: print the rule with which host tools open STM32 chips without root."""

import argparse

from dfu_emulator.cli.exits import Exit
from dfu_emulator.doctor import udev


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Print a udev rule for chips in their bootloader (0483:df11), emulated and real ones. "
        "Its first lines say how to install it."
    )
    parser.add_argument(
        "--everyone",
        action="store_true",
        help="for all users, and where nobody logs in at a screen: over SSH, on CI; "
        "default: for users who are logged in at the machine's own screen",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the rule."""
    print(udev.rule(arguments.everyone), end="")
    return Exit.OK
