"""How long things take, by turns, and the table of the results."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table


def rates(count: int, *calls: Callable[[], object]) -> list[float]:
    """Calls per second of each; by turns, and the best turn of each: the one that was disturbed least."""
    best = [0.0] * len(calls)
    for _ in range(7):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(count):
                call()
            best[index] = max(best[index], count / (time.perf_counter() - start))
    return best


def seconds(command: list[str], repeat: int, environment: dict[str, str] | None = None) -> float:
    """Wall time of a command; the best of ``repeat``."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        best = min(best, time.perf_counter() - start)
    return best


class Report:
    """Collects rows of (what, value, compared with, ratio)."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float, str, str, float]] = []

    def add(self, what: str, value: float, unit: str, reference: str, reference_value: float) -> None:
        """One result and what it is compared with, in the same unit."""
        self._rows.append((what, value, unit, reference, value / reference_value))

    def show(self) -> None:
        """Print the table."""
        table = Table("what", "value", "ratio", "to", box=None)
        for what, value, unit, reference, ratio in self._rows:
            number = f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
            table.add_row(what, f"{number} {unit}", f"{ratio:.2f}", reference)
        Console(width=120).print(table)

    def save(self, path: Path) -> None:
        """Write the rows as JSON."""
        keys = ("what", "value", "unit", "reference", "ratio")
        rows = [dict(zip(keys, row, strict=True)) for row in self._rows]
        path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
