"""``dfu-host verify``: compare a file with the memory."""

import argparse
from collections.abc import Iterator

from dfu_host.cli import failure
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, session
from dfu_host.cli.planning import Part, add_file, load_file, parts
from dfu_host.cli.report import Document
from dfu_host.errors import VerifyError
from dfu_host.session import Session

_SHOWN = 16

Difference = tuple[int, bytes, bytes]
"""Its address, and the first bytes there, of the file and of the memory."""


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
            suspects = []
            for alternate, address, expected, there in _blocks(conversation, found):
                if there != expected:
                    suspects.append((alternate, address, expected))
                advance(len(expected))
        differing, first = _differences(conversation, suspects)
    if first is None:
        context.report.say(f"all {size} bytes are as in the file")
        return {"bytes": size, "differing": 0}
    address, expected, there = first
    message = (
        f"{differing} of {size} bytes differ, the first at 0x{address:08x}:"
        f" the file has {expected.hex(' ')}, the memory {there.hex(' ')}"
    )
    context.report.say(message)
    difference = VerifyError(address, expected, there, message)
    return failure.beside(
        difference,
        bytes=size,
        differing=differing,
        address=address,
        expected=expected.hex(),
        found=there.hex(),
    )


def _differences(
    conversation: Session, suspects: list[tuple[int, int, bytes]]
) -> tuple[int, Difference | None]:
    """How many bytes differ, and the first: what differed once is read again, for it may be the transfer."""
    differing, first = 0, None
    for alternate, address, expected in suspects:
        conversation.select(alternate)
        there = b"".join(conversation.read(address, len(expected)))
        wrong = [at for at, (a, b) in enumerate(zip(expected, there, strict=True)) if a != b]
        if wrong and first is None:
            shown = slice(wrong[0], wrong[0] + _SHOWN)
            first = address + wrong[0], expected[shown], there[shown]
        differing += len(wrong)
    return differing, first


def _blocks(conversation: Session, found: list[Part]) -> Iterator[tuple[int, int, bytes, bytes]]:
    """(alternate setting, address, bytes of the file, bytes of the memory), block by block."""
    for part in found:
        conversation.select(part.alternate.number)
        for element in part.elements:
            done = 0
            for block in conversation.read(element.address, len(element.data)):
                expected = element.data[done : done + len(block)]
                yield part.alternate.number, element.address + done, expected, block
                done += len(block)
