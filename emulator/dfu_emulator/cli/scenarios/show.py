"""``dfu-emulator scenarios show``: all about one scenario."""

import argparse
import json

from dfu_emulator.cli.exits import Exit
from dfu_emulator.scenario import load_scenario
from dfu_emulator.scenario.spelling import plain

_EXIT_CODES = """\
exit codes: 0, 2 for wrong flags or an unusable scenario
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Show a scenario: what it shows and who met it, how the chip begins, its faults in words, and how "
        "dfu-util, dfu-host and a naive host fare."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "scenario", metavar="NAME", help="one of 'dfu-emulator scenarios list', or the path of a YAML file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON: the keys of the file, and its name")


def run(arguments: argparse.Namespace) -> int:
    """Print the scenario."""
    scenario = load_scenario(arguments.scenario)
    if arguments.json:
        print(json.dumps(plain(scenario), indent=2))
    else:
        from dfu_emulator.cli.scenarios.show_view import show

        show(scenario, arguments.scenario)
    return Exit.OK
