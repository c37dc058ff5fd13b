"""Write the table in docs/scenarios.md from the catalogue.

``--check`` only says whether the table is as the catalogue has it, and exits with 1 if not.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from dfu_emulator.scenario import Fares, Outcome, Scenario, load_scenario, shipped_scenarios

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scenarios.md"
_BEGIN, _END = "<!-- catalogue: written by tools/write_scenarios.py -->\n", "<!-- end of catalogue -->"


def main() -> int:
    """Exit status: 1 where ``--check`` finds another table than the catalogue gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the table is stale")
    parser.add_argument("file", nargs="?", type=Path, default=PAGE)
    arguments = parser.parse_args()
    text = arguments.file.read_text(encoding="utf-8")
    head, rest = text.split(_BEGIN)
    table = "".join(f"{line}\n" for line in _table())
    new = head + _BEGIN + table + _END + rest.split(_END)[1]
    if not arguments.check:
        arguments.file.write_text(new, encoding="utf-8")
    elif new != text:
        print(f"{arguments.file} is stale: run ./run docs", file=sys.stderr)
        return 1
    return 0


def _table() -> Iterator[str]:
    yield "| name | what happens | dfu-util | dfu-host | naive host | who met it |"
    yield "|---|---|---|---|---|---|"
    for name in shipped_scenarios():
        yield _row(load_scenario(name))


def _row(scenario: Scenario) -> str:
    hosts = scenario.hosts
    if hosts is None:
        raise ValueError(f"{scenario.name} does not say how hosts fare")
    met = ", ".join(f"[{met.who}]({met.link})" for met in scenario.met)
    cells = (
        f"`{scenario.name}`",
        scenario.title,
        *(_fares(fares) for fares in (hosts.dfu_util, hosts.dfu_host, hosts.naive)),
        met,
    )
    return f"| {' | '.join(cells)} |"


def _fares(fares: Fares) -> str:
    return f"**{fares.ends.value}**" if fares.ends is Outcome.CORRUPTS else fares.ends.value


if __name__ == "__main__":
    sys.exit(main())
