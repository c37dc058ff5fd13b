"""``dfu-host write``: erase, write and verify a file."""

import argparse

from dfu_host.cli import leave, numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, session
from dfu_host.cli.erase import MASS_ERASE
from dfu_host.cli.planning import add_file, load_file, plans
from dfu_host.cli.report import Document
from dfu_host.programmer import EraseMode, program

DEFAULT_ALIGN = 32
"""The largest flash word of an STM32 (H74x). Smaller ones divide it, it divides pages and wTransferSize."""


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
        "--leave",
        action="store_true",
        help="start the application afterwards, at the lowest address of the file's first target",
    )


def run(arguments: argparse.Namespace, context: Context) -> Document:
    """Flash the file."""
    report = context.report
    firmware = load_file(arguments)
    with session(arguments, context) as (device, conversation):
        planned = plans(device, firmware, arguments)
        if arguments.erase is EraseMode.MASS:
            report.say(MASS_ERASE)
        there = program(
            conversation,
            planned,
            mode=arguments.erase,
            verify=arguments.verify,
            will_reset=arguments.will_reset,
            track=report.track,
        )
        size = sum(len(element.data) for plan in planned for element in plan.data)
        verified = arguments.verify and there and all(plan.readable for plan in planned)
        report.say(f"wrote {size} bytes" + (" and verified them" if verified else ""))
        if not there:
            report.say("the device has reset, as it does when its option bytes are written")
        elif arguments.leave:
            leave.start(conversation, firmware.images[0].start, context)
    return {
        "bytes": size,
        "verified": verified,
        "resets": not there,
        "left": arguments.leave and there,
    }
