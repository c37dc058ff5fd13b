"""What a replay has found, for people and for programs."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import SerialRule
from dfu_emulator.replay.finding import Finding
from dfu_emulator.replay.outcome import Difference, Replayed
from dfu_emulator.replay.session import Session, spell_place
from dfu_emulator.replay.told import Told
from dfu_emulator.replay.words import seconds
from dfu_protocol import State

_MANY = 8
"""So many numbers of packets are shown of more."""


class Kind(NamedTuple):
    """Differences that are one: alike but for the place."""

    first: Difference
    findings: tuple[Finding, ...]
    """All that differ in the first answer by the same keys of the profile."""
    numbers: tuple[int, ...]
    """Of all its packets or lines."""


class Report(NamedTuple):
    """All that is told of a replay."""

    capture: str
    """The file's name."""
    unit: str
    """What numbers count: ``packet`` or ``line``."""
    profile: Profile
    session: Session
    replayed: Replayed


def kinds_of(differences: Sequence[Difference]) -> list[Kind]:
    """By the order of the first of each kind."""
    found: dict[tuple[object, ...], list[list[Difference]]] = {}
    for _, group in groupby(differences, lambda difference: (difference.number, difference.finding.keys)):
        alike = list(group)
        found.setdefault(_likeness(alike), []).append(alike)
    return [
        Kind(
            cases[0][0],
            tuple(difference.finding for difference in cases[0]),
            tuple(case[0].number for case in cases),
        )
        for cases in found.values()
    ]


def _likeness(differences: Sequence[Difference]) -> tuple[object, ...]:
    """What is equal for all cases of a kind: of a request not its place, of values not those that vary."""
    request = differences[0].request.split(" block ")[0].split(" 0x")[0]
    findings = [difference.finding for difference in differences]
    return request, *(finding.keys if finding.values_vary else finding for finding in findings)


def as_text(report: Report) -> Iterator[str]:
    """Lines."""
    replayed, profile, unit = report.replayed, report.profile, report.unit
    kinds = kinds_of(replayed.differences)
    places = ", then ".join(map(spell_place, report.session.places))
    yield f"{report.capture} against {profile.name} ({profile.part}); the chip is device {places}"
    yield from map("  ".__add__, _assumptions(report))
    yield ""
    for kind in kinds:
        yield from _kind_as_text(kind, unit)
        yield ""
    for forced in replayed.forced:
        if forced != replayed.begins:
            state = _spell(forced.told)
            yield f"{unit} {forced.number}: the emulated chip was put where the captured one was: {state}"
    yield (
        f"replay: {replayed.transfers} transfers, {replayed.requests} of them DFU requests: "
        f"{replayed.equal} answered alike, {replayed.differing} differently"
        f"{_passed_over(replayed)}"
    )
    count = f"{len(kinds)} kind{'' if len(kinds) == 1 else 's'} of" if kinds else "no"
    yield f"replay: {count} difference"


def _assumptions(report: Report) -> Iterator[str]:
    replayed = report.replayed
    if report.profile.usb.serial is SerialRule.FIXED:
        yield f"serial number {replayed.serial}, as the profile says of all these chips"
    elif report.session.serial is not None:
        yield f"serial number {replayed.serial}, as in the capture"
    if replayed.scenario is not None:
        yield f"as the scenario {replayed.scenario} has a chip at the start, without its faults"
    if replayed.rdp:
        yield f"read protection level {replayed.rdp} at the start"
    if replayed.at_start:
        yield f"{replayed.at_start} bytes of its memories held at the start what the host read of them later"
    if replayed.begins is not None:
        yield f"in {_spell(replayed.begins.told)} when the capture began"


def _passed_over(replayed: Replayed) -> str:
    return f", {replayed.passed_over} not compared" if replayed.passed_over else ""


def _kind_as_text(kind: Kind, unit: str) -> Iterator[str]:
    first = kind.first
    yield f"{unit} {first.number}, {seconds(first.at)}: {first.request}"
    for finding in kind.findings:
        yield f"  {finding.aspect}: the captured chip {finding.chip}, the emulator {finding.emulator}"
    if first.finding.keys:
        yield f"  in the profile: {', '.join(first.finding.keys)}"
    if reason := _of_the_chip(kind):
        yield f"  or of this chip at the start (--scenario, --rdp): {reason}"
    others = kind.numbers[1:]
    if others:
        shown = ", ".join(map(str, others[:_MANY])) + (", ..." if len(others) > _MANY else "")
        yield f"  {len(others)} more of the kind: {unit}{'' if len(others) == 1 else 's'} {shown}"


def _of_the_chip(kind: Kind) -> str:
    return next((finding.of_the_chip for finding in kind.findings if finding.of_the_chip), "")


def _spell(told: Told) -> str:
    state, status = told
    return f"{state.label} ({status.label})" if state is State.ERROR else state.label


def as_json(report: Report) -> dict[str, object]:
    """One object; its keys are in ``docs/replay.md``."""
    replayed = report.replayed
    return {
        "capture": report.capture,
        "unit": report.unit,
        "profile": report.profile.name,
        "devices": [spell_place(place) for place in report.session.places],
        "transfers": replayed.transfers,
        "dfu_requests": replayed.requests,
        "equal": replayed.equal,
        "different": replayed.differing,
        "not_compared": replayed.passed_over,
        "differences": [_kind_as_json(kind) for kind in kinds_of(replayed.differences)],
        "forced": [
            {"number": number, "state": told[0].label, "status": told[1].label}
            for number, told in replayed.forced
        ],
        "at_start": {
            "serial": replayed.serial,
            "scenario": replayed.scenario,
            "rdp": replayed.rdp,
            "bytes_known_from_the_capture": replayed.at_start,
            "state": None if replayed.begins is None else replayed.begins.told[0].label,
        },
    }


def _kind_as_json(kind: Kind) -> dict[str, object]:
    first = kind.first
    return {
        "numbers": list(kind.numbers),
        "seconds": first.at / 1_000_000,
        "request": first.request,
        "answers": [
            {"aspect": finding.aspect, "captured": finding.chip, "emulator": finding.emulator}
            for finding in kind.findings
        ],
        "profile_keys": list(first.finding.keys),
        "of_the_chip": _of_the_chip(kind),
    }
