"""``dfu-host erase``: erase pages, all of the flash, or everything to lift the read protection."""

import argparse
from collections.abc import Sequence

from dfu_host.cli import numbers, unprotect
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, memory, session
from dfu_host.cli.report import Document
from dfu_host.errors import UsageError
from dfu_host.plan import allows, plan_erase
from dfu_host.programmer import erase, mass_erase
from dfu_protocol import Access, Layout

MASS_ERASE = (
    "erasing the whole flash, which may take half a minute, and which the device completes whatever comes:"
    " Ctrl-C waits for it"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--address", type=numbers.address, help="erase the page that holds this address")
    what.add_argument(
        "--sectors",
        type=numbers.ranges,
        metavar="N,N-N",
        help="erase pages by number, as 0,3,8-11; the first of the memory is 0",
    )
    what.add_argument("--mass", action="store_true", help="erase the whole flash")
    what.add_argument(
        "--unprotect", action="store_true", help="lift the read protection, which erases everything"
    )
    parser.add_argument("--length", type=numbers.length, help="erase all pages that so many bytes touch")
    parser.add_argument(
        "--no-verify", dest="verify", action="store_false", help="do not read what was erased"
    )
    parser.add_argument("--yes", action="store_true", help="confirm --unprotect, as it destroys all data")


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Erase what the flags say."""
    if arguments.unprotect:
        return unprotect.run(arguments, context)
    if arguments.length is not None and arguments.address is None:
        raise UsageError("--length says how much to erase from --address on; --address is missing")
    report = context.report
    with session(arguments, context) as (device, conversation):
        alternate = memory(device, arguments.alt, arguments.address)
        layout = alternate.known_layout
        conversation.select(alternate.number)
        if arguments.mass:
            if not any(allows(segment, Access.ERASABLE) for segment in layout.segments):
                raise UsageError(
                    f"--mass erases the flash, and {layout.name.strip()} is none: leave out --alt"
                )
            report.say(MASS_ERASE)
            mass_erase(conversation, layout, report.track, verify=arguments.verify)
            report.say("erased the whole flash")
            return {"mass": True, "verified": arguments.verify}
        if arguments.sectors is not None:
            pages = _numbered(layout, arguments.sectors)
        else:
            pages = plan_erase(layout, arguments.address, arguments.length or 1)
        erase(conversation, pages, report.track, verify=arguments.verify)
    size = sum(size for _, size in pages)
    if arguments.sectors is not None:
        report.say(f"erased {len(pages)} pages, {size} bytes")
    else:
        report.say(f"erased {size} bytes from 0x{pages[0][0]:08x} on")
    return {
        "mass": False,
        "pages": [{"address": address, "size": size} for address, size in pages],
        "verified": arguments.verify,
    }


def _numbered(layout: Layout, chosen: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(address, size) of the pages with these numbers, of which the first that can be erased is 0."""
    pages = [page for s in layout.segments if allows(s, Access.ERASABLE) for page in s.pages()]
    if chosen[-1] >= len(pages):
        raise UsageError(
            f"there is no page {chosen[-1]}: {layout.name.strip()} has {len(pages)} that can be erased"
        )
    return tuple(pages[number] for number in chosen)
