"""Where the application starts."""

from dfu_emulator.advice.history import Ending, History, request_of
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.bootloader import Reason
from dfu_emulator.port import Detached, Transfer
from dfu_protocol import Request


def _no_address(transfer: Transfer, history: History) -> Facts | None:
    leaves = request_of(transfer) is Request.DNLOAD and not transfer.setup.wLength
    if not leaves or transfer.reply.data is None or history.addressed:
        return None
    return {"pointer": f"0x{transfer.pointer:08X}"}


def _no_application(ending: Ending, history: History) -> Facts | None:
    if not isinstance(ending, Detached) or ending.departure.reason is not Reason.LEAVE:
        return None
    if ending.departure.application_runs or history.last is None:
        return None
    return {"pointer": f"0x{history.last.pointer:08X}"}


LEAVING = (
    Rule(
        name="leave-without-address",
        title="No Set Address Pointer came before the leave request, which took {pointer}",
        why="The chip jumps to Address_Pointer, and an earlier write or program may have left it anywhere",
        source="AN3156 on the leave DFU mode operation",
        cure="Send Set Address Pointer with the start of the application, then the DNLOAD without data",
        in_transfer=_no_address,
    ),
    Rule(
        name="leave-to-nothing",
        title="The chip left for {pointer}, where there is no valid vector table",
        why=(
            "The first word must be a stack pointer into RAM and the second an odd address in memory; "
            "without them the chip resets, and may be back in its bootloader"
        ),
        source="AN3156 and AN2662 on the leave DFU mode operation",
        cure="Set the pointer to the vector table of an application, usually at 0x08000000, before leaving",
        at_end=_no_application,
    ),
)
"""Rules about the leave request."""
