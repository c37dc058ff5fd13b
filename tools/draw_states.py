"""Draw the state diagram and the table in docs/architecture.md from the transition table.

``--check`` only says whether they are as the table has them, and exits with 1 if not.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from dfu_emulator.bootloader.transitions import Action, Cell, Event, Table, transition_table
from dfu_emulator.profile import load
from dfu_protocol import Request, State

PAGE = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
CHIP = "stm32f405"
COLUMNS = (
    Event.DNLOAD,
    Event.DNLOAD_ZERO,
    Event.UPLOAD,
    Event.GETSTATUS,
    Event.CLRSTATUS,
    Event.GETSTATE,
    Event.ABORT,
    Event.DETACH,
)
_QUIET = (Action.REFUSE, Action.STALL, Action.REPORT, Action.TELL_STATE, Action.SILENCE)


def main() -> int:
    """Write the page anew, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    table = {
        state: row
        for state, row in transition_table(load(CHIP).bootloader).items()
        if any(cell.action is not Action.SILENCE for cell in row.values())
    }
    new = _replace(text, "diagram", "\n".join(_diagram(table)))
    new = _replace(new, "table", "\n".join(_table(table)))
    if new == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE} is stale: run ./run docs", file=sys.stderr)
        return 1
    PAGE.write_text(new, encoding="utf-8")
    return 0


def _replace(text: str, name: str, contents: str) -> str:
    begin, end = f"<!-- {name}: drawn by tools/draw_states.py -->\n", f"<!-- end of {name} -->"
    head, rest = text.split(begin)
    return head + begin + contents + "\n" + end + rest.split(end)[1]


def _diagram(table: Table) -> Iterator[str]:
    """Mermaid: the edges that are not a STALL, by the pair of states they join."""
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    for state, row in table.items():
        for event in COLUMNS:
            cell = row[event]
            if cell.action in _QUIET:
                continue
            edges[state, cell.after].append(_name(event))
            if cell.otherwise is not None:
                edges[state, cell.otherwise].append(f"{_name(event)} ({cell.action.value.split('else ')[1]})")
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in State:
        if any(state in pair for pair in edges):
            yield f'    state "{state.label}" as {state.name}'
    for (before, after), names in edges.items():
        if before is not after:
            yield f"    {before.name} --> {after.name}: {', '.join(names)}"
    yield "```"


def _table(table: Table) -> Iterator[str]:
    yield f"| state | {' | '.join(_name(event) for event in COLUMNS)} |"
    yield f"|---|{'---|' * len(COLUMNS)}"
    for state, row in table.items():
        yield f"| **{state.label}** | {' | '.join(_describe(state, row[event]) for event in COLUMNS)} |"


def _name(event: Event) -> str:
    return "DNLOAD of 0 bytes" if event is Event.DNLOAD_ZERO else Request(event).name


def _describe(state: State, cell: Cell) -> str:
    if cell.action is Action.REFUSE:
        return "error"
    after = "" if cell.after is state else f" → {cell.after.label}"
    text = f"{cell.action.value}{after}"
    if cell.otherwise is not None:
        first, other = cell.action.value.split("; else ")
        text = f"{first}{after}; {other} → {cell.otherwise.label}"
    return text


if __name__ == "__main__":
    sys.exit(main())
