"""``dfu-host write``: erase, write and verify a file."""

import argparse
from collections.abc import Sequence

from dfu_host.cli import leave, numbers
from dfu_host.cli.asking import can_ask, whether_to_preserve
from dfu_host.cli.context import Context
from dfu_host.cli.delicate import add_permanent, confirm
from dfu_host.cli.device_options import add_memory, session
from dfu_host.cli.erase import MASS_ERASE
from dfu_host.cli.planning import add_file, load_file, plans
from dfu_host.cli.report import Document, Report
from dfu_host.cli.rescue import remind, rescue
from dfu_host.errors import NeighbourError, UsageError
from dfu_host.plan import DEFAULT_ALIGN, Plan
from dfu_host.programmer import Care, EraseMode, Outcome, program
from dfu_host.session import Session

_REMEDY = "--preserve writes it back afterwards, --no-preserve gives it up"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    parser.set_defaults(erase=EraseMode.PAGES)
    parser.description = "Write a firmware file; the pages that it touches are erased first."
    add_file(parser)
    erasing = parser.add_mutually_exclusive_group()
    erasing.add_argument(
        "--mass-erase",
        dest="erase",
        action="store_const",
        const=EraseMode.MASS,
        help="erase the whole flash before, not only the pages that are written",
    )
    erasing.add_argument(
        "--no-erase", dest="erase", action="store_const", const=EraseMode.NONE, help="erase nothing before"
    )
    sparing = parser.add_mutually_exclusive_group()
    sparing.add_argument(
        "--diff", action="store_true", help="read the pages first and touch only what differs from the file"
    )
    sparing.add_argument(
        "--resume",
        action="store_true",
        help="complete a write that was broken off: keep the pages that are right, do the others anew",
    )
    parser.add_argument(
        "--preserve",
        action=argparse.BooleanOptionalAction,
        help="write back other data in the pages to erase, or give it up"
        " (default: ask on a terminal, refuse elsewhere)",
    )
    parser.add_argument("--no-verify", dest="verify", action="store_false", help="do not read the data back")
    parser.add_argument(
        "--align",
        type=numbers.power_of_two,
        default=DEFAULT_ALIGN,
        metavar="BYTES",
        help="write whole flash words of so many bytes, the rest of one as it is in the flash"
        f" (default: {DEFAULT_ALIGN}, which suits all; 1: the data alone)",
    )
    parser.add_argument(
        "--will-reset",
        action="store_true",
        help="expect the device to reset when memory that cannot be erased, such as option bytes, is written",
    )
    parser.add_argument(
        "--yes", action="store_true", help="write option bytes and one-time memory, too, if the file has some"
    )
    add_permanent(parser)
    parser.add_argument(
        "--leave",
        action="store_true",
        help="start the application afterwards, at the lowest address of the file's first target",
    )


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Flash the file."""
    report = context.report
    if arguments.erase is not EraseMode.PAGES and (arguments.diff or arguments.resume or arguments.preserve):
        raise UsageError(
            "--diff, --resume and --preserve go page by page: leave out --mass-erase or --no-erase"
        )
    firmware = load_file(arguments)
    with session(arguments, context) as (device, conversation):
        planned = plans(device, firmware, arguments)
        confirm(device, conversation, planned, arguments, report)
        if arguments.erase is EraseMode.MASS and any(plan.pages for plan in planned):
            report.say(MASS_ERASE)
        try:
            outcome = _program(conversation, planned, arguments, report)
        except NeighbourError as error:
            if arguments.json or not can_ask():
                raise NeighbourError(error.extents, _REMEDY) from None
            arguments.preserve = whether_to_preserve(error.extents)
            if arguments.preserve is None:
                raise UsageError("nothing has been changed") from None
            outcome = _program(conversation, planned, arguments, report)
        size = sum(len(element.data) for plan in planned for element in plan.data)
        report.say(f"wrote {outcome.written} bytes" + (" and verified them" if outcome.verified else ""))
        if (arguments.diff or arguments.resume) and outcome.written < size:
            report.say(f"of the {size} bytes of the file, all others were there already")
        missing: list[Document] = []
        if outcome.there and (arguments.resume or arguments.preserve):
            missing = remind(planned, conversation, report)
        if not outcome.there:
            report.say("the device has reset, as it does when its option bytes are written")
        elif arguments.leave:
            leave.start(conversation, firmware.images[0].start, context)
    return {
        "bytes": size,
        "written": outcome.written,
        "erased": outcome.erased,
        "verified": outcome.verified,
        "missing": missing,
        "resets": not outcome.there,
        "left": arguments.leave and outcome.there,
    }


def _program(
    conversation: Session, planned: Sequence[Plan], arguments: argparse.Namespace, report: Report
) -> Outcome:
    try:
        return program(
            conversation,
            planned,
            mode=arguments.erase,
            care=Care(arguments.diff, arguments.resume, arguments.preserve),
            verify=arguments.verify,
            will_reset=arguments.will_reset,
            track=report.track,
        )
    except BaseException as end:
        if remains := getattr(end, "remains", None):
            rescue(remains, report)
        raise
