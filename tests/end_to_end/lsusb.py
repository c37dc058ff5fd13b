"""What ``lsusb -v`` prints of a real chip, and in what something else differs from it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from end_to_end.lsusb_texts import F4DISCOVERY

SERIAL = F4DISCOVERY.serial
"""That of the real chip, which an emulated one has to be given."""

_SECTIONS = {
    "Device Descriptor:": "device",
    "Configuration Descriptor:": "configuration",
    "Interface Descriptor:": "alternate",
    "Device Firmware Upgrade Interface Descriptor:": "functional",
}
_FIELD = re.compile(r"(Device Status:|\S+)\s*(.*)")
_NAMED = re.compile("id(Vendor|Product)|b(Device|Interface)(Class|SubClass|Protocol)")
"""Fields whose value is followed by a name, which depends on the machine's list of USB ids."""


@dataclass(frozen=True)
class Difference:
    """Fields that are shown with other values, or (None) not at all, and why."""

    reason: str
    fields: dict[str, str | None]


def parse(listing: str) -> dict[str, str]:
    """The device's fields in their order: ``{"alternate 2 iInterface": "6 @OTP Memory ..."}``.

    What a field's bits mean, on lines below it, becomes a part of its value.
    """
    fields: dict[str, str] = {}
    section, name, level, alternates = "", "", 0, 0
    for line in listing[listing.index("Device Descriptor:") :].splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if line.startswith("Device Status:"):
            section = ""
        if text.endswith(":"):
            name, section = "", _SECTIONS.get(text, text)
            if section == "alternate":
                section, alternates = f"alternate {alternates}", alternates + 1
        elif name and indent > level:
            fields[name] += f" {text}"
        elif match := _FIELD.fullmatch(text):
            field, value = match.groups()
            if _NAMED.fullmatch(field):
                value = value.split()[0]
            elif field == "wTotalLength":
                value = str(int(value, 0))  # newer versions of lsusb show it in hexadecimal
            name, level = f"{section} {field}" if section else field, indent
            fields[name] = value
    return fields


REAL_CHIP = parse(F4DISCOVERY.text)

SILICON = Difference(
    "The profile is that of newer silicon.",
    {
        "device bcdDevice": "22.00",
        "alternate 1 iInterface": "5 @Option Bytes  /0x1FFFC000/01*016 e",
        "alternate 2 iInterface": "6 @OTP Memory /0x1FFF7800/01*512 e,01*016 e",
        "alternate 3 iInterface": "7 @Device Feature/0xFFFF0000/01*004 e",
    },
)


def without(section: str) -> dict[str, str | None]:
    """The fields of a section, none of which is shown."""
    return {name: None for name in REAL_CHIP if name.startswith(f"{section} ")}


def assert_real_but_for(listing: str, differences: Iterable[Difference]) -> None:
    """All of ``lsusb -v`` is as for the real chip but for exactly ``differences``, and in the same order."""
    shown = parse(listing)
    expected = dict(SILICON.fields)
    for difference in differences:
        expected |= difference.fields
    found = {name: shown.get(name) for name in REAL_CHIP | shown if REAL_CHIP.get(name) != shown.get(name)}
    assert found == expected
    assert [name for name in shown if name in REAL_CHIP] == [name for name in REAL_CHIP if name in shown]
