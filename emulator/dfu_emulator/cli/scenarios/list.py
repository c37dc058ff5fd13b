"""``dfu-emulator scenarios list``: the scenarios of the catalogue."""

import argparse
import json

from rich.table import Table

from dfu_emulator.cli.exits import Exit, say
from dfu_emulator.cli.terminal import console
from dfu_emulator.scenario import Scenario, load_scenario, shipped_scenarios

_EXIT_CODES = """\
exit codes: 0, 1 if no scenario fits, 2 for wrong flags
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = "List the scenarios of the catalogue: name and title."
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "text", nargs="*", metavar="FILTER", help="text in the name, title or description; all have to fit"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    chosen = [
        scenario
        for scenario in map(load_scenario, shipped_scenarios())
        if all(text.lower() in _text(scenario) for text in arguments.text)
    ]
    if arguments.json:
        print(json.dumps([{"name": scenario.name, "title": scenario.title} for scenario in chosen], indent=2))
    elif chosen:
        _show(chosen)
    else:
        say("no scenario fits; 'dfu-emulator scenarios list' shows all")
    return Exit.OK if chosen else Exit.FAILED


def _text(scenario: Scenario) -> str:
    return " ".join((scenario.name, scenario.title, scenario.shows)).lower()


def _show(scenarios: list[Scenario]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for scenario in scenarios:
        table.add_row(scenario.name, scenario.title)
    console().print(table)
