"""``dfu-emulator profiles check``: say what is wrong with somebody's own profiles."""

import argparse
from pathlib import Path

from dfu_emulator.cli.exits import Exit
from dfu_emulator.profile.review import Review, review

_EXIT_CODES = """\
exit codes: 0 if all are valid, warnings or not; 1 if one is not; 2 for wrong flags
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Check profiles with all of their ROM versions. Each line names file, line and key; a warning is no "
        "error."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a YAML file")


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong, and a last line for each file."""
    reviews = {file: review(file) for file in arguments.files}
    for file, found in reviews.items():
        print(*found.problems, *found.warnings, _verdict(file, found), sep="\n")
    return Exit.FAILED if any(found.problems for found in reviews.values()) else Exit.OK


def _verdict(file: Path, found: Review) -> str:
    counts = ((len(found.problems), "error"), (len(found.warnings), "warning"))
    told = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count]
    verdict = f"valid, {found.profile.part}" if found.profile else "not valid"
    return f"{file}: {', '.join([verdict, *told])}"
