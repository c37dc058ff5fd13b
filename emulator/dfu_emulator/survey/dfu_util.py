"""Reads what ``dfu-util -l`` prints."""

import re
from collections.abc import Sequence
from typing import Any

from dfu_emulator.survey.survey import Survey, SurveyError

_FOUND = re.compile(
    r"Found DFU: \[(?P<vendor>[0-9a-f]{4}):(?P<product>[0-9a-f]{4})\]"
    r"(?: ver=(?P<version>[0-9a-f]{4}),)?(?P<place>.*?)"
    r"(?: path=\"(?P<path>[^\"]*)\",)? alt=(?P<alternate>\d+), name=\"(?P<name>.*?)\""
    r"(?:, serial=\"(?P<serial>.*)\")?\s*$"
)
_UNKNOWN = "UNKNOWN"


def read_list(text: str) -> list[Survey]:
    """The devices in ``text``. Raises SurveyError where there are none."""
    devices: dict[tuple[str, str | None], list[re.Match[str]]] = {}
    for line in text.split("\n"):
        if found := _FOUND.search(line):
            devices.setdefault((found["place"], found["path"]), []).append(found)
    if not devices:
        raise SurveyError("no line of the text begins with 'Found DFU:'; expected what 'dfu-util -l' prints")
    return [_survey(lines) for lines in devices.values()]


def _survey(lines: Sequence[re.Match[str]]) -> Survey:
    alternates = {int(line["alternate"]): line["name"] for line in lines}
    if set(alternates) != set(range(len(alternates))):
        known = ", ".join(map(str, sorted(alternates)))
        raise SurveyError(f"the text has the alternate settings {known} alone; there have to be all")
    if _UNKNOWN in alternates.values():
        raise SurveyError(
            "dfu-util was not allowed to read the names: run it as root, or add a udev rule for the device"
        )
    line = lines[0]
    values: dict[str, Any] = {
        "usb.idVendor": int(line["vendor"], 16),
        "usb.idProduct": int(line["product"], 16),
    }
    if line["version"]:
        values["usb.bcdDevice"] = int(line["version"], 16)
    serial = line["serial"] if line["serial"] != _UNKNOWN else None
    names = tuple(name for _, name in sorted(alternates.items()))
    return Survey("dfu-util -l", names, values, serial, line["path"])
