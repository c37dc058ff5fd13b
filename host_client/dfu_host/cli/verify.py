"""``dfu-host verify``: compare a file with the memory."""

import argparse
from collections.abc import Iterator

from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, session
from dfu_host.cli.planning import Part, add_file, load_file, parts
from dfu_host.cli.report import Document
from dfu_host.errors import ExitCode
from dfu_host.session import Session

_SHOWN = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    add_file(parser)


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Compare them, without changing anything."""
    firmware = load_file(arguments)
    with session(arguments, context) as (device, conversation):
        found = parts(device, firmware, arguments)
        size = sum(len(element.data) for part in found for element in part.elements)
        with context.report.track("comparing", size) as advance:
            differing = 0
            first: tuple[int, bytes, bytes] | None = None
            for address, expected, there in _blocks(conversation, found):
                wrong = [at for at, (a, b) in enumerate(zip(expected, there, strict=True)) if a != b]
                if wrong and first is None:
                    at = slice(wrong[0], wrong[0] + _SHOWN)
                    first = address + wrong[0], expected[at], there[at]
                differing += len(wrong)
                advance(len(expected))
    document: dict[str, object] = {"bytes": size, "differing": differing}
    if first is None:
        context.report.say(f"all {size} bytes are as in the file")
        return document
    address, expected, there = first
    context.report.say(
        f"{differing} of {size} bytes differ, the first at 0x{address:08x}:"
        f" the file has {expected.hex(' ')}, the memory {there.hex(' ')}"
    )
    return document | {
        "address": address,
        "expected": expected.hex(),
        "found": there.hex(),
        "exit_code": ExitCode.VERIFY,
    }


def _blocks(conversation: Session, found: list[Part]) -> Iterator[tuple[int, bytes, bytes]]:
    """(address, bytes of the file, bytes of the memory), block by block."""
    for part in found:
        conversation.select(part.alternate.number)
        for element in part.elements:
            done = 0
            for block in conversation.read(element.address, len(element.data)):
                yield element.address + done, element.data[done : done + len(block)], block
                done += len(block)
