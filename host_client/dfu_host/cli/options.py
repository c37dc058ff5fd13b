"""``dfu-host options``: show the option bytes, or change them."""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dfu_host import readback
from dfu_host.bus import DfuDevice
from dfu_host.cli import failure
from dfu_host.cli.context import Context
from dfu_host.cli.delicate import (
    OptionBytes,
    add_permanent,
    check_levels,
    merged,
    read_option_bytes,
    show_changes,
)
from dfu_host.cli.device_options import add_device, session
from dfu_host.cli.input import firmware_from
from dfu_host.cli.report import Document, extents_document
from dfu_host.errors import DeviceResetError, FileError, UsageError
from dfu_host.extents import extent_of, spell
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

_CHANGE = re.compile(r"(0x[0-9A-Fa-f]{1,8})=0x([0-9A-Fa-f]{1,8})")
_PER_LINE = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's actions and their flags."""
    parser.description = "Show the option bytes, with what they say of protection, or change them."
    actions = parser.add_subparsers(dest="action", required=True, metavar="show|write")
    add_device(actions.add_parser("show", help="show them"))
    write = actions.add_parser("write", help="change them; the device resets")
    write.description = (
        "Change option bytes. What is not named stays as it is. Without --yes it is only shown what would"
        " change. The device resets with its new option bytes."
    )
    add_device(write)
    write.add_argument(
        "changes",
        nargs="+",
        metavar="ADDRESS=VALUE|FILE",
        help="0x1fffc001=0xaa, two hex digits of a value for a byte, least significant byte first;"
        " or a file with option bytes, - for standard input",
    )
    write.add_argument("--yes", action="store_true", help="do it")
    add_permanent(write)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Show or change them."""
    with session(arguments, context) as (device, conversation):
        found = read_option_bytes(device, conversation)
        if arguments.action == "show":
            return _show(device, found, context)
        return _write(found, conversation, arguments, context)


def _show(device: DfuDevice, found: OptionBytes, context: Context) -> Document:
    family = found.family
    document: dict[str, object] = {
        "family": None if family is None else family.name,
        "areas": [{"address": area.address, "bytes": area.data.hex()} for area in found.areas],
    }
    if family is None:
        context.report.show(["option bytes of a family that is not known"])
    else:
        flash = device.alternates[0].layout
        locked = family.write_protected(found.values, flash) if flash else []
        unknown = family.write_protection_unknown(found.values, flash) if flash else []
        level = family.level(found.values)
        document |= {
            "read_protection": level,
            "write_protected": extents_document(locked),
            "write_protection_unknown": extents_document(unknown),
            "source": family.source,
        }
        protects = spell(locked) or ("none" if family.write_protection and flash else "not known")
        if unknown:
            protects += f"; of {spell(unknown)} it is not known"
        context.report.show(
            [
                f"option bytes of {family.name} ({family.source})",
                f"read protection   {level}",
                f"write protection  {protects}",
            ]
        )
    for area in found.areas:
        context.report.show(_lines(area))
    return document


def _lines(area: Element) -> Iterator[str]:
    """The words of an area, as the reference manuals have them; what is less than a word as bytes."""
    for at in range(0, len(area.data), _PER_LINE):
        line = area.data[at : at + _PER_LINE]
        words = [line[start : start + 4][::-1].hex() for start in range(0, len(line), 4)]
        yield f"0x{area.address + at:08x}  {' '.join(words)}"


def _write(
    found: OptionBytes, conversation: Session, arguments: argparse.Namespace, context: Context
) -> Document:
    changed = []
    wanted = list(_wanted(arguments.changes, found.areas[0].address))
    for area in found.areas:
        data = merged(area, wanted)
        if found.family:
            data = found.family.with_complements(area.data, data)
        if data != area.data:
            changed.append((area, Element(area.address, data)))
    _check_places(found.areas, wanted)
    if not changed:
        context.report.say("the option bytes are so already")
        return {"changed": []}
    if len(changed) > 1:
        raise UsageError("these changes are in two areas; the device resets after each: one at a time")
    ((_, after),) = changed
    differences = show_changes(found, changed, context.report)
    changes = [{"address": at, "before": old, "after": new} for at, old, new in differences]
    try:
        check_levels(found, changed, arguments.permanent)
        if not arguments.yes:
            raise UsageError("option bytes can lock a device: if this is what you want, add --yes")
    except UsageError as refusal:
        context.report.say(str(refusal))
        return failure.beside(refusal, would_change=changes)
    try:
        conversation.write(after.address, after.data)
    except DeviceResetError:
        context.report.say("the option bytes are written; the device resets with them")
    else:
        conversation.run(readback.verify(conversation.conversation, after.address, after.data))
        context.report.say("the option bytes are written")
    return {"changed": changes}


def _wanted(changes: Iterable[str], start: int) -> Iterator[Element]:
    for text in changes:
        if change := _CHANGE.fullmatch(text):
            digits = change[2].zfill(len(change[2]) + len(change[2]) % 2)
            yield Element(int(change[1], 16), bytes.fromhex(digits)[::-1])
        elif "=" in text and not Path(text).exists():
            raise UsageError(f"{text!r} is not ADDRESS=VALUE in hex, such as 0x1fffc001=0xaa")
        else:
            # What has no addresses begins with the first option byte.
            for image in firmware_from(text, otherwise=start).images:
                yield from image.elements


def _check_places(areas: Sequence[Element], wanted: Iterable[Element]) -> None:
    for element in wanted:
        for address in (element.address, element.address + len(element.data) - 1):
            if not any(area.address <= address < area.address + len(area.data) for area in areas):
                places = spell([extent_of(area) for area in areas])
                raise FileError(f"0x{address:08x} is no option byte: these are at {places}")
