"""``dfu-host erase``: erase pages, all of the flash, or everything to lift the read protection."""

import argparse

from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.device_options import add_memory, layout_of, select, session
from dfu_host.errors import UsageError
from dfu_host.plan import plan_erase
from dfu_host.programmer import erase
from dfu_host.progress import bar

MASS_ERASE = "erasing the whole flash, which may take half a minute"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_memory(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--address", type=numbers.address, help="erase the page that holds this address")
    what.add_argument("--mass", action="store_true", help="erase the whole flash")
    what.add_argument(
        "--unprotect", action="store_true", help="lift the read protection, which erases everything"
    )
    parser.add_argument("--length", type=numbers.length, help="erase all pages that so many bytes touch")
    parser.add_argument("--yes", action="store_true", help="confirm --unprotect, as it destroys all data")


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Erase what the flags say."""
    if arguments.unprotect and not arguments.yes:
        raise UsageError("--unprotect erases the whole device; add --yes if that is what you want")
    if arguments.length is not None and arguments.address is None:
        raise UsageError("--length says how much to erase from --address on; --address is missing")
    with session(arguments, context) as (device, conversation):
        alternate = select(device, conversation, arguments.alt)
        if arguments.unprotect:
            conversation.read_unprotect()
            context.say("the read protection is lifted; the device is blank and resets")
        elif arguments.mass:
            context.say(MASS_ERASE)
            conversation.mass_erase()
            context.say("erased the whole flash")
        else:
            pages = plan_erase(layout_of(alternate), arguments.address, arguments.length or 1)
            erase(conversation, pages, bar)
            size = sum(size for _, size in pages)
            context.say(f"erased {size} bytes from 0x{pages[0][0]:08x} on")
