"""``dfu-host otp``: read or write the one-time programmable memory."""

import argparse
from collections.abc import Iterable

from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli import read
from dfu_host.cli.context import Context
from dfu_host.cli.delicate import OTP
from dfu_host.cli.device_options import add_device, choose, session
from dfu_host.cli.output import add_output
from dfu_host.cli.planning import add_file, load_file, parts
from dfu_host.cli.report import Document
from dfu_host.errors import FileError, UsageError
from dfu_host.plan import plan_write
from dfu_host.programmer import EraseMode, program
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

_BLANK = 0xFF


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's actions and their flags."""
    parser.description = "Read the one-time programmable memory, or write it, for ever."
    actions = parser.add_subparsers(dest="action", required=True, metavar="read|write")
    reading = actions.add_parser("read", help="copy it to a file")
    add_device(reading)
    add_output(reading)
    read.add_range(reading)
    writing = actions.add_parser("write", help="write a file to it, which cannot be undone")
    writing.description = (
        "Write a file to the one-time programmable memory. Bytes that are written already are refused. Most"
        " chips program whole flash words: 8 bytes at multiples of 8 suit all but the U5, which has 16."
    )
    add_device(writing)
    add_file(writing)
    writing.add_argument("--yes", action="store_true", help="do it")


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Read or write it."""
    if arguments.action == "read":
        arguments.alt = str(_memory(choose(arguments, context)).number)
        return read.run(arguments, context)
    firmware = load_file(arguments)
    with session(arguments, context) as (device, conversation):
        alternate = _memory(device)
        arguments.alt = None if firmware.images[0].alternate is not None else str(alternate.number)
        found = parts(device, firmware, arguments)
        if any(part.alternate != alternate for part in found):
            raise FileError(f"the file has data for other memory than {alternate.name}")
        elements = [element for part in found for element in part.elements]
        plan = plan_write(alternate.number, alternate.known_layout, elements, align=1)
        conversation.select(alternate.number)
        _check_blank(conversation, plan.data)
        size = sum(len(element.data) for element in elements)
        if not arguments.yes:
            raise UsageError(f"these {size} bytes can be written once and never erased: add --yes")
        program(conversation, [plan], mode=EraseMode.NONE, track=context.report.track)
    context.report.say(f"wrote {size} bytes and verified them")
    return {"bytes": size, "verified": True}


def _memory(device: DfuDevice) -> Alternate:
    for alternate in device.alternates:
        if alternate.is_called(OTP):
            return alternate
    raise UsageError(
        "this device shows no one-time programmable memory; if it has some, 'read' finds it by --address"
    )


def _check_blank(conversation: Session, elements: Iterable[Element]) -> None:
    for element in elements:
        there = b"".join(conversation.read(element.address, len(element.data)))
        for offset, byte in enumerate(there):
            if byte != _BLANK:
                raise FileError(f"0x{element.address + offset:08x} is written already: 0x{byte:02x}")
