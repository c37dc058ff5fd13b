"""A profile's text from what was read of a device."""

import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from dfu_emulator.draft.comments import comments
from dfu_emulator.draft.document import document
from dfu_emulator.draft.fit import Candidate, ranked, shipped
from dfu_emulator.draft.writing import write_profile
from dfu_emulator.profile import ProfileError, load
from dfu_emulator.profile.names import find
from dfu_emulator.survey import Survey, SurveyError
from dfu_protocol import ProtocolError, parse_layout


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile's text, and the shipped profile that it extends."""

    text: str
    base: Candidate


def draft_profile(
    survey: Survey, *, name: str, source: str, extends: str | None = None, keep_serial: bool = False
) -> Draft:
    """A profile called ``name`` that shows a host what was read.

    ``source`` is what its evidence says; ``extends`` names the shipped profile to begin with, by default the
    best fit. The serial number is only kept if ``keep_serial``. Raises SurveyError where what was read is no
    STM32's, ProfileError for an unknown ``extends``.
    """
    _require_layouts(survey)
    chosen = None if extends is None else find(extends).stem
    fits = ranked(survey, shipped())
    serial = _serial(survey, keep_serial)
    faults: list[str] = []
    fitting = [fit for fit in fits if chosen in (None, fit.candidate.name)]
    for fit, flash_only in product(fitting, (False, True)):
        text = write_profile(
            comments(survey, fit, fits, serial is not None, flash_only),
            document(survey, fit.candidate, name, source, serial, flash_only),
        )
        fault = _find_fault(text)
        if fault is None:
            return Draft(text, fit.candidate)
        faults.append(fault)
    raise SurveyError(f"no profile of this device could be made from a shipped one: {faults[0]}")


def _require_layouts(survey: Survey) -> None:
    for number, text in enumerate(survey.alternates):
        try:
            parse_layout(text)
        except ProtocolError as error:
            raise SurveyError(f"alternate setting {number} is no STM32's: {error}") from None


def _serial(survey: Survey, keep: bool) -> str | None:
    """The serial number, where it is wanted, or known as one that every such chip shows."""
    fixed = {candidate.profile.usb.fixed_serial for candidate in shipped()}
    return survey.serial if keep or survey.serial in fixed else None


def _find_fault(text: str) -> str | None:
    """Why the profile ``text`` cannot be used."""
    with tempfile.TemporaryDirectory(prefix="dfu-emulator-") as folder:
        path = Path(folder) / "draft.yaml"
        path.write_text(text, "utf-8")
        try:
            load(str(path))
        except ProfileError as error:
            return str(error).removeprefix(f"{error.file}:{error.line}: ")
    return None
