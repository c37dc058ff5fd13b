"""``dfu-emulator lint``: run a host tool, then report what it did wrong."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from dfu_emulator.advice import RULES, Adviser, Finding
from dfu_emulator.advice.report import as_json, as_text
from dfu_emulator.cli import process
from dfu_emulator.cli.advising import advising
from dfu_emulator.cli.chip_options import chosen_timing
from dfu_emulator.cli.exec import add_flags, plugged_in
from dfu_emulator.cli.exits import Exit

_EXIT_CODES = """\
exit codes: 1 if advice was given, whatever the command's own; else the command's own, 128 + N if signal N
ended it, 126 if it cannot be executed, 127 if there is none; 2 for wrong flags, an unusable profile, image or
trace file, or a missing preload library
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Run a host tool as exec does, and report what it did that the chip punishes or that silently "
        "corrupts: how often, where first, why, and what helps."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "--json",
        action="store_true",
        help="report in JSON, alone on the standard output: the command's own goes to the standard error",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        choices=[rule.name for rule in RULES],
        metavar="KIND",
        help="leave this kind of advice out; may be given again",
    )
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command, print the report, and tell by the exit code whether advice was given."""
    timing = chosen_timing(arguments)
    with (
        plugged_in(arguments) as (port, environment),
        advising(port, arguments.advice),
        Adviser(port) as adviser,
    ):
        code = process.run(arguments.argv, environment, sys.stderr if arguments.json else None)
    findings = [finding for kind, finding in adviser.findings.items() if kind not in arguments.ignore]
    if arguments.json:
        report = {
            "command": arguments.argv,
            "exit_code": code,
            "chip": port.device.profile.name,
            "timing": timing,
            "requests": adviser.requests,
            "advice": as_json(findings),
        }
        print(json.dumps(report, indent=2))
    else:
        print(*_lines(arguments, timing, port.device.profile.part, adviser.requests, findings), sep="\n")
    return Exit.FAILED if findings else code


def _lines(
    arguments: argparse.Namespace, timing: str, part: str, requests: int, findings: Sequence[Finding]
) -> Iterator[str]:
    yield ""
    yield from as_text(findings)
    kinds = f"{len(findings)} kind{'' if len(findings) == 1 else 's'} of advice" if findings else "no advice"
    yield f"lint: {arguments.argv[0]} sent {part} {requests} DFU requests: {kinds}"
    if not requests:
        yield "lint: there was nothing to judge; a tool that flashes uses libusb and looks for 0483:df11"
    elif timing != "real":
        yield "lint: nothing took time; with --timing real, what the host does in that time is judged too"
