"""``dfu-emulator profiles show``: all about one chip."""

import argparse
import json

from dfu_emulator.cli.chip_options import PROFILE_HELP, add_profile_changes, chosen_profile
from dfu_emulator.cli.exits import Exit

_EXIT_CODES = """\
exit codes: 0, 2 for wrong flags or an unusable profile
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Show a chip: strings, alternates, memory map, times, and its quirks with what they mean to a host. "
        "Marks tell how each value is known."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument("profile", metavar="CHIP", help=PROFILE_HELP)
    add_profile_changes(parser)
    parser.add_argument("--evidence", action="store_true", help="list each value with its source, too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the chip."""
    profile = chosen_profile(arguments, arguments.profile)
    if arguments.json:
        from dfu_emulator.cli.profiles.as_json import chip_as_json

        print(json.dumps(chip_as_json(profile), indent=2))
    else:
        from dfu_emulator.cli.profiles.show_view import show

        show(profile, evidence=arguments.evidence)
    return Exit.OK
