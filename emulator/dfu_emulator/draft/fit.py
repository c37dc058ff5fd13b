"""How well a shipped profile fits what was read of a device."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from dfu_emulator.draft.layouts import Block, flash_pages, named_blocks
from dfu_emulator.profile import Profile, available, evidence_for, load
from dfu_emulator.profile.evidence import value_at
from dfu_emulator.profile.model import EvidenceKind, SerialRule
from dfu_emulator.survey import Survey

TELLING = ("alternates", "usb.bcdDevice", "usb.product", "dfu.wTransferSize")
"""Where the keys begin that tell chips apart."""

_DEVICE_STATUS, _ATTRIBUTES = "usb.device_status", "usb.configuration.bmAttributes"
_SELF_POWERED = 0x40
_UNIQUE = re.compile(r"[0-9A-F]{12}")
"""What a serial number looks like that is made from the unique id."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shipped profile, or one of the other ROMs that it describes."""

    name: str
    rom_version: str | None
    """None for the ROM that the profile takes by itself."""
    profile: Profile

    def __str__(self) -> str:
        return self.name if self.rom_version is None else f"{self.name} with ROM {self.rom_version}"


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of what was read a candidate has."""

    candidate: Candidate
    likeness: float
    seen: int
    """How many of the values that were read the profile says a real chip printed."""


@cache
def shipped() -> tuple[Candidate, ...]:
    """All that is shipped."""
    return tuple(_shipped())


def _shipped() -> Iterator[Candidate]:
    for name in available():
        profile = load(name)
        yield Candidate(name, None, profile)
        for version in profile.rom_versions:
            yield Candidate(name, version, load(name, version))


def ranked(survey: Survey, candidates: Iterable[Candidate]) -> list[Fit]:
    """``candidates``, those first that fit best. Raises ProtocolError where a layout string is none."""
    fits = [
        Fit(candidate, _likeness(survey, candidate.profile), _seen(survey, candidate.profile))
        for candidate in candidates
    ]
    return sorted(
        fits,
        key=lambda fit: (
            -fit.likeness,
            fit.candidate.rom_version is not None,
            -fit.seen,
            fit.candidate.name,
        ),
    )


def differences(survey: Survey, profile: Profile) -> list[str]:
    """The keys of which ``profile`` says otherwise than what was read, the serial number's aside."""
    known = profile.alternates
    found = [
        f"alternates.{number}"
        for number, text in enumerate(survey.alternates)
        if number >= len(known) or known[number] != text
    ]
    found += [f"alternates.{number}" for number in range(survey.alternate_count, len(known))]
    return found + [key for key, value in survey.values.items() if value != _told(profile, key, survey)]


def _told(profile: Profile, key: str, survey: Survey) -> Any:
    """What ``profile`` says of ``key`` in the terms of a survey."""
    value = value_at(profile, key)
    if key == _DEVICE_STATUS and value is None:  # then it follows from what the draft will say of another key
        attributes = survey.values.get(_ATTRIBUTES, profile.usb.configuration.bmAttributes)
        return int(bool(attributes & _SELF_POWERED))
    return value.value if isinstance(value, Enum) else value


def serial_fits(survey: Survey, profile: Profile) -> bool:
    """Whether the rule of ``profile`` can have made the serial number that was read."""
    if survey.serial is None:
        return False
    if profile.usb.serial is SerialRule.FIXED:
        return survey.serial == profile.usb.fixed_serial
    return _UNIQUE.fullmatch(survey.serial) is not None


def _likeness(survey: Survey, profile: Profile) -> float:
    """How much of what was read ``profile`` has. What tells the chip counts for more than what all have."""
    texts, known = survey.alternates, profile.alternates
    unequal = set(differences(survey, profile))
    odd = abs(survey.alternate_count - len(known))
    verbatim = sum(old == new for old, new in zip(texts, known, strict=False)) / (len(texts) + odd)
    tells = set(TELLING) & survey.values.keys()
    others = survey.values.keys() - tells
    return (
        4 * verbatim
        + 4 * _same_pages(flash_pages(texts[0]), flash_pages(known[0]))
        + 2 * _same_memories(named_blocks(texts[1:]), named_blocks(known[1:]))
        + len(tells - unequal)
        + serial_fits(survey, profile)
        + 0.1 * len(others - unequal) / (len(others) or 1)
    )


def _seen(survey: Survey, profile: Profile) -> int:
    count = min(len(survey.alternates), len(profile.alternates))
    keys = [f"alternates.{number}" for number in range(count)]
    keys += survey.values.keys() & set(TELLING)
    known = [evidence_for(profile, key) for key in keys]
    return sum(evidence is not None and evidence.kind is EvidenceKind.HARDWARE for evidence in known)


def _same_pages(read: Block, known: Block) -> float:
    """The share of the flash, in bytes from the start on, that has the same pages."""
    if read.start != known.start:
        return 0
    same = 0
    for (count, size), (known_count, known_size) in zip(read.runs, known.runs, strict=False):
        if size != known_size:
            break
        same += min(count, known_count) * size
        if count != known_count:
            break
    return same / max(read.size, known.size)


def _same_memories(read: dict[str, list[Block]], known: dict[str, list[Block]]) -> float:
    """The share of the other memories that are in the same place; half for those that only begin there."""
    names = read.keys() | known.keys()
    if not names:
        return 1
    shares = 0.0
    for name in read.keys() & known.keys():
        if read[name] == known[name]:
            shares += 1
        elif read[name][0].start == known[name][0].start:
            shares += 0.5
    return shares / len(names)
