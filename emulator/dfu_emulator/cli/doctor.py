"""``dfu-emulator doctor``: what works on this machine, and what helps where something does not."""

import argparse
import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from dfu_emulator.cli.exits import Exit
from dfu_emulator.cli.terminal import Console
from dfu_emulator.doctor import CHECKS, LOCAL, Computer, Finding, State, by_need

_EXIT_CODES = f"""\
exit codes: 0 if one of {", ".join(LOCAL)} works, by which other programs on this machine reach the chip, or,
with --check, if that one works; 1 if not; 2 for wrong flags
"""
_SHOWN = {
    State.WORKS: "[green]yes[/]",
    State.LIMITED: "[yellow]with limits[/]",
    State.NEEDS: "[red]no[/]",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Say which ways to the chip work on this machine, and for those that do not, the command that "
        "helps. Nothing on the machine is changed, and no root is needed."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "--check", choices=CHECKS, metavar="WAY", help=f"look at one alone: {', '.join(CHECKS)}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def run(arguments: argparse.Namespace) -> int:
    """Look at this machine and print what is found."""
    computer = Computer()
    names = [arguments.check] if arguments.check else list(CHECKS)
    findings = [CHECKS[name](computer) for name in names]
    if arguments.json:
        print(json.dumps(_as_json(computer, findings), indent=2))
    else:
        _show(computer, findings)
    wanted = names if arguments.check else LOCAL
    return Exit.OK if any(f.works for f in findings if f.name in wanted) else Exit.FAILED


def _as_json(computer: Computer, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "system": computer.system,
        "release": computer.release,
        "processor": computer.processor,
        "root": computer.is_root,
        "findings": [
            {
                "name": finding.name,
                "state": finding.state,
                "who": finding.who,
                "limits": finding.limits,
                "needs": [{"what": need.what, "remedy": need.remedy} for need in finding.needs],
            }
            for finding in findings
        ],
    }


def _show(computer: Computer, findings: Sequence[Finding]) -> None:
    console = Console(highlight=False)
    user = "root" if computer.is_root else "not root"
    console.print(f"{computer.system} {computer.release} on {computer.processor}, {user}\n", soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("way", "works", "who reaches the chip"):
        table.add_column(heading)
    for finding in findings:
        table.add_row(finding.name, _SHOWN[finding.state], escape(finding.who))
    console.print(table)
    # Beneath the table, where a terminal's width breaks no command.
    for finding in findings:
        for limit in finding.limits if finding.works else ():
            console.print(f"\n[bold]{finding.name}[/]: {escape(limit)}", soft_wrap=True)
    for need, names in by_need(findings).items():
        console.print(f"\n[bold]{', '.join(names)}[/]: {escape(need.what)}", soft_wrap=True)
        if need.remedy:
            console.print(f"  [cyan]{escape(need.remedy)}[/]", soft_wrap=True)
