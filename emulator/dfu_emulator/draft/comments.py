"""The paragraphs before a draft: why it extends what it extends, and what it does not know."""

from collections.abc import Iterator, Sequence

from dfu_emulator.draft.fit import TELLING, Candidate, Fit, differences, serial_fits
from dfu_emulator.survey import Survey

_NEAR = 1.0
"""How much less likeness than the best (of some 12) is worth telling of."""
_STRANGE = 5.0
"""Below this likeness the chip is another than those that are shipped."""
_MOST = 4


def comments(survey: Survey, base: Fit, fits: Sequence[Fit], has_serial: bool, flash_only: bool) -> list[str]:
    """The paragraphs of a draft that extends ``base``; ``fits`` has all there are, the best first.

    With ``has_serial`` the draft has the serial number, with ``flash_only`` no memory but the flash is where
    the layout strings have it.
    """
    return [
        f"Drafted by 'dfu-emulator profiles new' from {survey.means} of a board.",
        " ".join(_choice(survey, base, fits)),
        " ".join(_gaps(survey, base.candidate, has_serial, flash_only)),
    ]


def _choice(survey: Survey, base: Fit, fits: Sequence[Fit]) -> Iterator[str]:
    chosen = base.candidate
    if base.likeness == fits[0].likeness:
        yield f"It extends {chosen}, the shipped profile that fits best."
    else:
        yield f"It extends {chosen}; {fits[0].candidate} would fit better."
    yield from _comparison(survey, chosen)
    if base.likeness < _STRANGE:
        yield "It is not much like any: check all that it inherits."
    alike = [fit.candidate for fit in fits if fit.likeness == base.likeness and fit is not base]
    others = [candidate for candidate in alike if candidate.name != chosen.name][:_MOST]
    if others:
        yield f"As near to what was read: {_listed(others)}. If it is one of these, change 'extends'."
    if roms := [candidate.rom_version for candidate in alike if candidate.name == chosen.name]:
        yield f"A host cannot tell it from ROM {_listed(roms)} of the same chip, which --rom-version chooses."
    near = [fit.candidate for fit in fits if 0 < base.likeness - fit.likeness <= _NEAR]
    for candidate in near[: _MOST - len(others)]:
        yield f"Near, too: {candidate}, but for {_listed(_unlike(survey, candidate))}."


def _comparison(survey: Survey, chosen: Candidate) -> Iterator[str]:
    read = [*(f"alternates.{number}" for number in range(len(survey.alternates))), *survey.values]
    unequal = differences(survey, chosen.profile)
    if not unequal:
        yield "All that was read is the same there."
        return
    same = [key for key in read if key not in unequal and key.startswith(TELLING)]
    yield f"The same there: {_listed(same) or 'nothing that tells chips apart'}."
    if different := [key for key in unequal if key in read]:
        yield f"Different: {_listed(different)}."
    if absent := [key for key in unequal if key not in read]:
        yield f"Not on the board: {_listed(absent)}."


def _unlike(survey: Survey, candidate: Candidate) -> list[str]:
    unequal = differences(survey, candidate.profile)
    if survey.serial is not None and not serial_fits(survey, candidate.profile):
        unequal.append("the serial number")
    return unequal


def _listed(things: Sequence[object]) -> str:
    return ", ".join(map(str, things))


def _gaps(survey: Survey, base: Candidate, has_serial: bool, flash_only: bool) -> Iterator[str]:
    yield f"What no host can read, such as times, protection and what option bytes mean, is that of {base}."
    if flash_only:
        yield "So is where all memories but the flash are: the layout strings have some on top of others."
    if survey.alternate_count > len(survey.alternates):
        read = f"{len(survey.alternates)} of {survey.alternate_count}"
        yield f"Only {read} alternate settings could be read; the others, too, are as there."
    if survey.serial and not has_serial and not serial_fits(survey, base.profile):
        yield "The board's serial number is not such as that chip makes."
    yield from survey.notes
