"""The page that ``scenarios show`` prints."""

import shlex
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dfu_emulator.cli.scenarios.wording import conditions, fault_in_words
from dfu_emulator.cli.terminal import console
from dfu_emulator.scenario import Fares, Outcome, Scenario
from dfu_emulator.scenario.model import Hosts

_WIDTH_OF_TEXT = 100
_STYLES = {
    Outcome.SUCCEEDS: "green",
    Outcome.FAILS: "yellow",
    Outcome.CORRUPTS: "red",
    Outcome.HANGS: "red",
}
_ANY_CHIP, _ANY_TASK = "stm32f405", "write"
_COMMANDS = {
    "write": "dfu-util -a 0 -s 0x08000000 -D firmware.bin",
    "write and leave": "dfu-util -a 0 -s 0x08000000:leave -D firmware.bin",
    "read": "dfu-util -a 0 -s 0x08000000:16384 -U copy.bin",
    "mass erase": "dfu-util -a 0 -s 0x08000000:mass-erase:force",
}


def show(scenario: Scenario, name: str) -> None:
    """Print all about ``scenario``, which the user calls ``name``."""
    out = console()
    out.print(Text(": ".join(filter(None, (scenario.name, scenario.title))), style="bold"))
    if scenario.shows:
        out.print()
        out.print(scenario.shows.strip(), width=min(out.width, _WIDTH_OF_TEXT))
    _put_lines(out, "conditions", conditions(scenario))
    _put_lines(out, "faults", map(fault_in_words, scenario.faults))
    if scenario.met:
        _put_title(out, "who met it")
        for met in scenario.met:
            out.print(f"  {met.who}")
            _put_whole(out, f"      {met.link}")
    task, chip = _ANY_TASK, _ANY_CHIP
    if scenario.hosts is not None:
        task, chip = scenario.hosts.try_, scenario.hosts.chip
        _put_title(out, f"how hosts fare that {task}")
        out.print(Padding.indent(_hosts(scenario.hosts), 2))
    command = _COMMANDS.get(task, _COMMANDS[_ANY_TASK])
    _put_title(out, "try it")
    _put_whole(out, f"  dfu-emulator exec --profile {chip} --scenario {shlex.quote(name)} -- {command}")


def _hosts(hosts: Hosts) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    each: dict[str, Fares] = {"dfu-util": hosts.dfu_util, "dfu-host": hosts.dfu_host, "naive": hosts.naive}
    for name, fares in each.items():
        table.add_row(name, Text(fares.ends.value, style=_STYLES[fares.ends]), fares.why)
    return table


def _put_lines(out: Console, title: str, lines: Iterable[str]) -> None:
    _put_title(out, title)
    for line in list(lines) or ("none",):
        out.print(Padding.indent(line, 2))


def _put_title(out: Console, title: str) -> None:
    out.print()
    out.print(Text(title, style="bold"))


def _put_whole(out: Console, text: str) -> None:
    """What is to be copied: it is not broken into lines."""
    out.print(text, soft_wrap=True)
