"""Memory that can lock a device or cannot be undone: what a write to it changes, and that it is meant."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli.report import Report
from dfu_host.errors import FileError, RefusedError, UsageError
from dfu_host.option_bytes import Family, family_of
from dfu_host.plan import Plan
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

OPTION_BYTES, OTP = "option", "otp"
"""How the names of these memories begin, in any case."""

_COMMANDS = {
    OPTION_BYTES: "'dfu-host options write' changes option bytes",
    OTP: "'dfu-host otp write' writes one-time programmable memory",
}


def add_permanent(parser: argparse.ArgumentParser) -> None:
    """The flag for what nobody can take back."""
    parser.add_argument(
        "--permanent",
        action="store_true",
        help="allow option bytes that cannot be undone, such as level 2",
    )


class OptionBytes(NamedTuple):
    """The option bytes of a device. ``family`` is None where they are in no family's place.

    ``values`` are the bytes of the ``areas``, and behind them what the family has beside these.
    """

    alternate: Alternate
    family: Family | None
    areas: list[Element]
    values: list[bytes]


def read_option_bytes(device: DfuDevice, conversation: Session) -> OptionBytes:
    """As they are now, each area read until two reads of it agree, because areas are written back whole.

    UsageError where the device shows none.
    """
    alternate = next((a for a in device.alternates if a.is_called(OPTION_BYTES)), None)
    if alternate is None:
        raise UsageError("this device shows no option bytes: 'dfu-host info' lists what it has")
    layout = alternate.known_layout
    conversation.select(alternate.number)
    areas = [
        Element(s.address, _contents(conversation, s.address, s.end - s.address)) for s in layout.segments
    ]
    values = [area.data for area in areas]
    flash = device.alternates[0].layout
    family = family_of(layout, flash, values)
    if family and family.whole and flash and family.write_protection_unknown(values, flash):
        with suppress(RefusedError):  # then it stays unknown
            values.append(_contents(conversation, family.start, family.whole))
    return OptionBytes(alternate, family, areas, values)


def merged(area: Element, wanted: Iterable[Element]) -> bytes:
    """The bytes of ``area`` with those of ``wanted`` that are in it."""
    data = bytearray(area.data)
    for element in wanted:
        for offset, byte in enumerate(element.data, element.address - area.address):
            if 0 <= offset < len(data):
                data[offset] = byte
    return bytes(data)


def show_changes(
    found: OptionBytes, changed: Iterable[tuple[Element, Element]], report: Report
) -> list[tuple[int, int, int]]:
    """Show what becomes of each area, as it is and as it will be: (address, old, new) of each byte."""
    differences = []
    for before, after in changed:
        bytes_ = list(_differences(before, after))
        report.show(f"0x{at:08x}: 0x{old:02x} -> 0x{new:02x}" for at, old, new in bytes_)
        report.show(_level_change(found, before, after))
        differences += bytes_
    return differences


def check_levels(found: OptionBytes, changed: Iterable[tuple[Element, Element]], permanent: bool) -> None:
    """UsageError where this can never be undone and is not ``permanent``."""
    for _, after in changed:
        _check_level(found, after, permanent)


def check_meant(memory: Alternate, address: int) -> None:
    """FileError where data for ``address`` is for such ``memory`` only because it is there."""
    for beginning, command in _COMMANDS.items():
        if memory.is_called(beginning):
            raise FileError(
                f"the data for 0x{address:08x} goes to {memory.name}: {command},"
                f" or --alt {memory.number} with --yes insists"
            )


def confirm(
    device: DfuDevice,
    conversation: Session,
    planned: Sequence[Plan],
    arguments: argparse.Namespace,
    report: Report,
) -> None:
    """UsageError where the plans write such memory and the flags do not say that this is meant.

    What becomes of option bytes is shown.
    """
    memories = {alternate.number: alternate for alternate in device.alternates}
    for plan in planned:
        memory = memories[plan.alternate]
        if memory.is_called(OPTION_BYTES):
            found = read_option_bytes(device, conversation)
            after = [Element(area.address, merged(area, plan.data)) for area in found.areas]
            changed = [pair for pair in zip(found.areas, after, strict=True) if pair[0] != pair[1]]
            show_changes(found, changed, report)
            check_levels(found, changed, arguments.permanent)
            if not arguments.yes:
                raise UsageError(
                    f"the file has data for {memory.name}, which can lock a device: if this is what you want,"
                    " add --yes; nothing has been changed"
                )
        elif memory.is_called(OTP) and not arguments.yes:
            raise UsageError(
                f"the file has data for {memory.name}, which can be written once and never erased: if this is"
                " what you want, add --yes; nothing has been changed"
            )


def _contents(conversation: Session, address: int, length: int) -> bytes:
    return conversation.run(conversation.conversation.contents_for_sure(address, length))


def _level_change(found: OptionBytes, before: Element, after: Element) -> Iterator[str]:
    """A line, if the read protection becomes another."""
    if found.family and before is found.areas[0]:
        old, new = found.family.level([before.data]), found.family.level([after.data])
        if old != new:
            yield f"read protection: {old} -> {new}"


def _check_level(found: OptionBytes, after: Element, permanent: bool) -> None:
    family = found.family
    if family is None or after.address != found.areas[0].address or permanent:
        return
    value = after.data[family.protection]
    if value in family.permanent and value != found.areas[0].data[family.protection]:
        raise UsageError(
            f"this sets {family.level([after.data])}, which cannot be undone: the device never lets you in"
            " again; --permanent allows it"
        )


def _differences(before: Element, after: Element) -> Iterator[tuple[int, int, int]]:
    for offset, (old, new) in enumerate(zip(before.data, after.data, strict=True)):
        if old != new:
            yield before.address + offset, old, new
