"""``dfu-emulator profiles new``: a first profile from a real board, or from what other tools print of one."""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from dfu_emulator.cli.exits import Exit, UsageError, say
from dfu_emulator.draft import draft_profile
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.survey import Survey, SurveyError, choose

_EXIT_CODES = """\
exit codes: 0 once the profile is written, 2 for wrong flags, and where there is no STM32 to be read
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Write a first profile of a chip from what can be read of it: one that extends the shipped profile "
        "that fits best, and says what differs. Nothing on the board is erased or written."
    )
    parser.epilog = _EXIT_CODES
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-device", action="store_true", help="read the board that is plugged in, in its DFU bootloader"
    )
    source.add_argument(
        "--from-lsusb",
        metavar="FILE",
        help="read what 'lsusb -v -d 0483:df11' printed; - is the standard input",
    )
    source.add_argument("--from-list", metavar="FILE", help="read what 'dfu-util -l' printed; - as above")
    parser.add_argument("--serial", help="which of several boards: its serial number")
    parser.add_argument("--path", help="which of several boards: BUS-PORT.PORT..., as dfu-util -l shows it")
    parser.add_argument(
        "--extends", metavar="CHIP", help="the shipped profile to begin with; default: the best fit"
    )
    parser.add_argument(
        "--source",
        metavar="TEXT",
        help="what the evidence says of where this is from; default: how it was read",
    )
    parser.add_argument(
        "--keep-serial", action="store_true", help="keep the board's own serial number in the profile"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="where the profile goes; default: the standard output",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")


def run(arguments: argparse.Namespace) -> int:
    """Read the board or the text, and write a profile."""
    output: Path | None = arguments.output
    if output is not None and output.exists():
        if not output.is_file():
            raise UsageError(
                f"{output}: is no regular file; without -o the profile goes to the standard output"
            )
        if not arguments.force:
            raise UsageError(f"{output} exists; --force replaces it")
    if arguments.extends is not None and is_path(arguments.extends):
        raise UsageError(f"--extends takes the name of a shipped profile, not the file {arguments.extends!r}")
    try:
        survey, source = _survey(arguments)
        drafted = draft_profile(
            survey,
            name=output.stem if output else "my-board",
            source=arguments.source or source,
            extends=arguments.extends,
            keep_serial=arguments.keep_serial,
        )
    except SurveyError as error:
        raise UsageError(str(error)) from None
    if output is None:
        sys.stdout.write(drafted.text)
    else:
        _write(output, drafted.text)
        say(f"wrote {output}, which extends {drafted.base}")
    return Exit.OK


def _survey(arguments: argparse.Namespace) -> tuple[Survey, str]:
    """What was read, and what the evidence says of that."""
    which = {"serial": arguments.serial, "path": arguments.path}
    if arguments.from_device:
        from dfu_emulator.survey.board import find_boards, survey_board

        survey = survey_board(choose(find_boards(), **which))
        return survey, f"{survey.means} of a board, {date.today().isoformat()}"
    from dfu_emulator.survey.dfu_util import read_list
    from dfu_emulator.survey.lsusb import read_lsusb

    read: Callable[[str], list[Survey]] = read_list if arguments.from_list is not None else read_lsusb
    survey = choose(read(_text(arguments.from_list or arguments.from_lsusb)), **which)
    return survey, f"{survey.means} of a board"


def _text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None
    return data.decode("utf-8", errors="replace")


def _write(path: Path, text: str) -> None:
    """Put the file there as a whole, or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            part.write_text(text, "utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
