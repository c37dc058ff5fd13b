"""Write docs/chips.md, which tells what the shipped profiles say, and how sure that is.

``--check`` only says whether the page is as the profiles have it, and exits with 1 if not.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfu_emulator.profile import Profile, available, evidence_for, load
from dfu_emulator.profile.model import EvidenceKind
from dfu_emulator.profile.quirks import QUIRKS, Quirk
from dfu_emulator.profile.spelling import spell_size
from dfu_emulator.profile.summary import Summary, shared_quirks, summarise

PAGE = Path(__file__).resolve().parent.parent / "docs" / "chips.md"
_HEAD = """\
# Chips

<!-- Written by tools/write_chips.py from the profiles: do not edit. -->

The profiles that come with the emulator. A name may be written as on the chip, with its package or without,
as long as it is unambiguous: `stm32f405`, `f405`, `STM32F405RGT6`. A part with less or more flash is made by
`--set flash.size=512K`, another ROM of the same part by `--rom-version`.

`dfu-emulator profiles list` prints this table, `dfu-emulator profiles show stm32f405` all about one chip; how
to write your own is in [profiles.md](profiles.md).

The last column says how the values of a profile are known, in percent: seen on hardware / documented /
only inferred.
"""


def page(profiles: Sequence[Profile]) -> Iterator[str]:
    """The lines of the page."""
    summaries = [summarise(profile) for profile in profiles]
    shared = shared_quirks(summaries)
    yield from _HEAD.splitlines()
    yield ""
    yield "| name | part | family | flash | wTransferSize | bcdDevice | quirks | known |"
    yield "|---|---|---|--:|--:|---|---|--:|"
    for summary in summaries:
        yield _row(summary, shared)
    yield ""
    yield "## Quirks"
    yield ""
    yield f"Nearly all have these: {', '.join(shared)}."
    yield ""
    yield "| quirk | chips | what it means to a host, in the numbers of the first of them |"
    yield "|---|---|---|"
    for quirk in QUIRKS:
        having = [profile for profile in profiles if quirk.holds(profile)]
        if having:
            yield _quirk_row(quirk, having, quirk.word in shared)
    yield ""
    yield "## What nobody has published"
    yield ""
    yield "If you have such a chip, the output of `dfu-util -l` and `lsusb -v` would tell."
    yield ""
    yield from _unpublished(profiles)


def _row(summary: Summary, shared: Sequence[str]) -> str:
    versions = f"{summary.bcdDevice:04X}"
    if len(summary.rom_versions) > 1:
        versions += f" (ROM versions {', '.join(summary.rom_versions)})"
    cells = (
        f"`{summary.name}`",
        ", ".join((summary.part, *(alias.upper() for alias in summary.aliases))),
        summary.family.removeprefix("STM32"),
        spell_size(summary.flash_size),
        str(summary.wTransferSize),
        versions,
        ", ".join(word for word in summary.quirks if word not in shared),
        " / ".join(map(str, summary.shares)),
    )
    return f"| {' | '.join(cells)} |"


def _quirk_row(quirk: Quirk, having: Sequence[Profile], shared: bool) -> str:
    chips = f"{len(having)} chips" if shared else ", ".join(_short(profile) for profile in having)
    return f"| {quirk.word} | {chips} | {quirk.consequence(having[0])} |"


def _unpublished(profiles: Sequence[Profile]) -> Iterator[str]:
    unseen = {profile.name: list(_unseen(profile)) for profile in profiles}
    whole = [profile for profile in profiles if len(unseen[profile.name]) == len(profile.alternates)]
    part = [profile for profile in profiles if unseen[profile.name] and profile not in whole]
    yield f"- **No listing at all**: {', '.join(_short(profile) for profile in whole)}."
    told = (f"{_short(p)} ({', '.join(map(str, unseen[p.name]))})" for p in part)
    yield f"- **Some alternates** (their numbers): {', '.join(told)}."
    described = {profile.family for profile in profiles if _is_seen(profile, "dfu.wDetachTimeOut")}
    others = dict.fromkeys(profile.family for profile in profiles if profile.family not in described)
    yield f"- **`lsusb -v` of any chip of the family**: {', '.join(others).replace('STM32', '')}."


def _unseen(profile: Profile) -> Iterator[int]:
    """Alternates whose strings no real chip is known to have printed."""
    for index in range(len(profile.alternates)):
        if not _is_seen(profile, f"alternates.{index}"):
            yield index


def _is_seen(profile: Profile, path: str) -> bool:
    evidence = evidence_for(profile, path)
    return evidence is not None and evidence.kind is EvidenceKind.HARDWARE


def _short(profile: Profile) -> str:
    return profile.name.removeprefix("stm32").upper()


def main() -> int:
    """Exit status: 1 where ``--check`` finds another page than the profiles give."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is stale")
    parser.add_argument("file", nargs="?", type=Path, default=PAGE)
    arguments = parser.parse_args()
    text = "\n".join(page([load(name) for name in available()])) + "\n"
    if not arguments.check:
        arguments.file.write_text(text, encoding="utf-8")
    elif not arguments.file.exists() or arguments.file.read_text(encoding="utf-8") != text:
        print(f"{arguments.file} is stale: run ./run docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
