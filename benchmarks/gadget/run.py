"""Speed of the gadget transports in a virtual machine, beside a C program that does no work.

``--quick`` only shows that all of it still runs. ``--counted`` makes the guest's time the number of
instructions that it executes, a nanosecond each: then nothing else that this machine does plays a part.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dfu_emulator import vm

KERNEL = "6.12"
TIME_LIMIT = 3600
HERE = Path(__file__).parent
BLOCK = 2048
"""Bytes of an UPLOAD or DNLOAD."""

Results = dict[str, dict[str, list[float]]]
"""Seconds of each turn, by gadget and by what was measured."""


def build(folder: Path) -> None:
    """Compile the two C programs."""
    for name in ("client", "responder"):
        target, source = str(folder / name), str(HERE / f"{name}.c")
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", target, source], check=True)


def measure(count: int, size: int, turns: int, counted: bool) -> Results:
    """Run guest.py in a virtual machine."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as output:
        build(Path(name))
        outcome = vm.run(
            vm.obtain(KERNEL),
            [sys.executable, str(HERE / "guest.py"), name, *map(str, (count, size, turns))],
            time_limit=TIME_LIMIT,
            environment=environment,
            output=output,
            errors=sys.stderr.buffer,
            counted=counted,
        )
        output.seek(0)
        if outcome.code:
            sys.exit(outcome.console[-4000:])
        results: Results = json.load(output)
    return results


def table(results: Results, size: int) -> Table:
    """Each gadget's best turn, the one that was disturbed least, and how that compares with the C program."""
    reference, *others = results
    shown = Table("what", reference, box=None)
    for name in others:
        shown.add_column(name)
        shown.add_column("ratio")
    for what, key, form in (
        ("GETSTATUS", "getstatus", per_second),
        ("UPLOAD", "upload", kilobytes_per_second),
        ("DNLOAD, with its 2 GETSTATUS", "dnload", kilobytes_per_second),
        (f"dfu-util, download of {size} bytes", "dfu_util_download", seconds),
        (f"dfu-util, upload of {size} bytes", "dfu_util_upload", seconds),
        ("processor time of a GETSTATUS", "getstatus_cpu", microseconds),
        ("processor time of an UPLOAD", "upload_cpu", microseconds),
        ("processor time of a DNLOAD", "dnload_cpu", microseconds),
    ):
        best = {name: min(turns[key]) for name, turns in results.items()}
        cells = [what, form(best[reference])]
        for name in others:
            cells += [form(best[name]), f"{best[reference] / best[name]:.2f}"]
        shown.add_row(*cells)
    return shown


def per_second(duration: float) -> str:
    return f"{1 / duration:,.0f} /s"


def kilobytes_per_second(duration: float) -> str:
    return f"{BLOCK / duration / 1000:,.0f} kB/s"


def seconds(duration: float) -> str:
    return f"{duration:.3f} s"


def microseconds(duration: float) -> str:
    return f"{duration * 1e6:,.0f} µs"


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few repetitions: shows that it works, not how fast"
    )
    parser.add_argument("--counted", action="store_true", help="time by counting instructions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there as well")
    arguments = parser.parse_args()
    count, size, turns = (20, 16 << 10, 1) if arguments.quick else (200, 256 << 10, 7)
    results = measure(count, size, turns, arguments.counted)
    Console(width=120).print(table(results, size))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
