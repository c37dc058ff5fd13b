"""``dfu-emulator profiles list``: a table of the shipped profiles."""

import argparse
import dataclasses
import json
from collections.abc import Iterator, Sequence

from dfu_emulator.cli.exits import Exit, UsageError, say
from dfu_emulator.profile import available, load
from dfu_emulator.profile.quirks import QUIRKS
from dfu_emulator.profile.summary import Summary, summarise

_EXIT_CODES = """\
exit codes: 0, 1 if no profile fits, 2 for wrong flags
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "List the shipped profiles: flash, transfer size, strings, quirks, and how much of each is seen on "
        "hardware, documented or inferred."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "text", nargs="*", metavar="FILTER", help="text in the name, part, product or quirks; all have to fit"
    )
    parser.add_argument("--family", metavar="FAMILY", help="only chips of this family, like f4")
    parser.add_argument("--quirk", metavar="WORDS", help="only chips with such a quirk, like 'fixed serial'")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    summaries = [summarise(load(name)) for name in available()]
    chosen = list(_choose(summaries, arguments))
    if arguments.json:
        print(json.dumps([dataclasses.asdict(summary) for summary in chosen], indent=2))
    elif chosen:
        from dfu_emulator.cli.profiles.list_view import show

        show(chosen, summaries)
    else:
        say("no profile fits; 'dfu-emulator profiles list' shows all")
    return Exit.OK if chosen else Exit.FAILED


def _choose(summaries: Sequence[Summary], arguments: argparse.Namespace) -> Iterator[Summary]:
    families = _meant(arguments.family, sorted({summary.family for summary in summaries}), "family")
    quirks = _meant(arguments.quirk, [quirk.word for quirk in QUIRKS], "quirk")
    for summary in summaries:
        text = " ".join((summary.name, summary.part, *summary.aliases, summary.product, *summary.quirks))
        if (
            (summary.family in families)
            and (arguments.quirk is None or not quirks.isdisjoint(summary.quirks))
            and all(word.lower() in text.lower() for word in arguments.text)
        ):
            yield summary


def _meant(text: str | None, names: Sequence[str], what: str) -> set[str]:
    """Those of ``names`` that have ``text`` in them; all where there is none."""
    meant = {name for name in names if (text or "").lower() in name.lower()}
    if not meant:
        raise UsageError(f"there is no {what} {text!r}; there are: {', '.join(names)}")
    return meant
