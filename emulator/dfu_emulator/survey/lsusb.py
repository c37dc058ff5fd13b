"""Reads what ``lsusb -v`` prints. Excerpts will do, as far as they go."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dfu_emulator.survey.survey import Survey, SurveyError
from dfu_protocol.descriptors import CONFIGURATION, DFU_FUNCTIONAL, INTERFACE

_DEVICE = re.compile(r"\s*Bus \d+ Device \d+: ")
_DESCRIPTOR = "Device Descriptor:"
_FIELD = re.compile(r"\s*(\w+)[ \t]+(\S+) ?(.*)")
_STATUS = re.compile(r"\s*Device Status:\s*(0x[0-9a-f]{4})")
_MEMORY = "@"
"""How the name of an alternate setting begins that is a memory."""


def _bcd(text: str) -> int:
    """``22.00`` and ``1.1a``."""
    whole, _, fraction = text.partition(".")
    return int(whole, 16) << 8 | int(fraction, 16)


def _milliamperes(text: str) -> int:
    return int(text.removesuffix("mA")) // 2


_NUMBERS: dict[str, tuple[str, Callable[[str], int]]] = {
    "bcdUSB": ("usb.bcdUSB", _bcd),
    "bMaxPacketSize0": ("usb.bMaxPacketSize0", int),
    "idVendor": ("usb.idVendor", lambda text: int(text, 16)),
    "idProduct": ("usb.idProduct", lambda text: int(text, 16)),
    "bcdDevice": ("usb.bcdDevice", _bcd),
    "MaxPower": ("usb.configuration.bMaxPower", _milliamperes),
    "wDetachTimeout": ("dfu.wDetachTimeOut", int),
    "wTransferSize": ("dfu.wTransferSize", int),
    "bcdDFUVersion": ("dfu.bcdDFUVersion", _bcd),
}
_STRINGS = {"iManufacturer": "usb.manufacturer", "iProduct": "usb.product"}


def read_lsusb(text: str) -> list[Survey]:
    """The devices with a DFU interface in ``text``. Raises SurveyError where there are none."""
    found = [_Reader(block).survey() for block in _devices(text.split("\n")) if _has_dfu(block)]
    if not found:
        raise SurveyError(
            "no device with a DFU interface is in the text; expected what 'lsusb -v -d 0483:df11' prints"
        )
    return found


def _devices(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    described = False
    for line in lines:
        describes = line.strip() == _DESCRIPTOR
        if _DEVICE.match(line) or (describes and described):
            yield block
            block, described = [], False
        described = described or describes
        block.append(line.rstrip("\r"))
    yield block


def _has_dfu(block: Sequence[str]) -> bool:
    fields = [match.groups() for match in map(_FIELD.match, block) if match]
    classes = {(name, value) for name, value, _ in fields}
    return {("bInterfaceClass", "254"), ("bInterfaceSubClass", "1")} <= classes or any(
        name == "iInterface" and text.startswith(_MEMORY) for name, _, text in fields
    )


class _Reader:
    """Goes through the lines of one device."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._values: dict[str, Any] = {}
        self._serial: str | None = None
        self._count: int | None = None
        self._alternate: int | None = None
        self._alternates: dict[int, str] = {}
        for line in lines:
            if status := _STATUS.match(line):
                self._keep("usb.device_status", int(status[1], 16))
            elif field := _FIELD.match(line):
                try:
                    self._read(field[1], field[2], field[3])
                except ValueError:
                    raise SurveyError(f"not what lsusb prints: {line.strip()!r}") from None

    def survey(self) -> Survey:
        if not self._alternates:
            raise SurveyError(
                "the text does not tell the alternate settings' names (iInterface): "
                "lsusb shows them to root, and to whom a udev rule lets open the device"
            )
        alternates = tuple(text for _, text in sorted(self._alternates.items()))
        if set(self._alternates) != set(range(len(alternates))):
            known = ", ".join(map(str, sorted(self._alternates)))
            raise SurveyError(f"the text names the alternate settings {known} alone; there have to be all")
        return Survey("lsusb -v", alternates, self._values, self._serial, count=self._count)

    def _keep(self, key: str, value: int | str) -> None:
        self._values.setdefault(key, value)

    def _read(self, name: str, value: str, text: str) -> None:
        if name in _NUMBERS:
            key, parse = _NUMBERS[name]
            self._keep(key, parse(value))
        elif name in _STRINGS and value != "0" and text:
            self._keep(_STRINGS[name], text)
        elif name == "iSerial":
            self._serial = self._serial or text or None
        elif name == "bmAttributes":
            # In hexadecimal it is the configuration's, in decimal the DFU functional descriptor's.
            part = "usb.configuration" if value.startswith("0x") else "dfu"
            self._keep(f"{part}.bmAttributes", int(value, 0))
        elif name == "wTotalLength":
            rest = int(value, 0) - CONFIGURATION.sizeof() - DFU_FUNCTIONAL.sizeof()
            self._count = rest // INTERFACE.sizeof()
        elif name == "bAlternateSetting":
            self._alternate = int(value)
        elif name == "iInterface" and text.startswith(_MEMORY):
            number = len(self._alternates) if self._alternate is None else self._alternate
            self._alternates[number] = text
