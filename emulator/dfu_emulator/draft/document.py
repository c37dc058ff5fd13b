"""What a profile has to say that extends a shipped one and shows a host what was read."""

from copy import deepcopy
from typing import Any

from dfu_emulator.draft.fit import Candidate, differences
from dfu_emulator.draft.memories import flash_changes, memory_changes
from dfu_emulator.profile.errors import Key, spell
from dfu_emulator.profile.model import SerialRule
from dfu_emulator.survey import Survey

_ALTERNATES = "alternates."


def document(
    survey: Survey, base: Candidate, name: str, source: str, serial: str | None, flash_only: bool
) -> dict[str, Any]:
    """The keys and values of a profile called ``name``, in any order.

    ``source`` is where its evidence is from, ``serial`` a serial number that all such chips show. With
    ``flash_only`` all other memories are where ``base`` has them, whatever the layout strings say. Raises
    ProtocolError where an alternate setting has no layout string.
    """
    written: dict[str, Any] = {"extends": base.name, "name": name}
    evidence: list[dict[str, Any]] = []
    if base.rom_version is not None:
        written |= deepcopy(base.profile.rom_versions[base.rom_version]) | {"rom_version": base.rom_version}
        evidence = written.pop("evidence", [])
    read = [f"{_ALTERNATES}{number}" for number in range(len(survey.alternates))] + list(survey.values)
    unequal = differences(survey, base.profile)
    for key in unequal:
        if not key.startswith(_ALTERNATES):
            _put(written, tuple(key.split(".")), survey.values[key])
    alternates = _alternates(survey, base)
    if any(key.startswith(_ALTERNATES) for key in unequal):
        written["alternates"] = alternates
    if serial is not None:
        usb = base.profile.usb
        if (usb.serial, usb.fixed_serial) != (SerialRule.FIXED, serial):
            _put(written, ("usb", "serial"), SerialRule.FIXED.value)
            _put(written, ("usb", "fixed_serial"), serial)
        read += ["usb.serial", "usb.fixed_serial"]
    changes = list(flash_changes(alternates[0], base.profile))
    if not flash_only:
        changes += memory_changes(alternates, base.profile)
    for path, value in changes:
        _put(written, path, value)
    inferred = {
        "kind": "inferred",
        "source": f"made to fit the layout strings, else as of {base}",
        "of": [spell(path) for path, _ in changes],
    }
    hardware = {"kind": "hardware", "source": source, "of": read}
    return written | {"evidence": [hardware, *([inferred] if changes else []), *evidence]}


def _alternates(survey: Survey, base: Candidate) -> list[str]:
    """What was read, and where only the first were, the rest of ``base``."""
    missing = slice(len(survey.alternates), survey.alternate_count)
    return [*survey.alternates, *base.profile.alternates[missing]]


def _put(written: dict[str, Any], key: Key, value: Any) -> None:
    *above, last = map(str, key)
    for name in above:
        written = written.setdefault(name, {})
    written[last] = value
