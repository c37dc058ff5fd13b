"""wBlockNum: where blocks are, and where their numbers end."""

from dfu_emulator.advice.history import History, command_of, is_block, is_taken, request_of
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.port import Transfer
from dfu_protocol import Request, Unknown, parse_command

_LAST_NUMBERS = (0xFF, 0xFFFF)
"""After which a counter of 8 or 16 bits is 0."""
_SHOWN = 8
"""Bytes of what is no command."""
_MEDDLES = {Request.UPLOAD: "read skipped", Request.DNLOAD: "write left out"}


def _short_blocks(transfer: Transfer, history: History) -> Facts | None:
    before = history.block
    request = request_of(transfer)
    if before is None or request is None or not is_block(transfer) or not history.has_fixed_blocks:
        return None
    length, size = before.setup.wLength, history.transfer_size
    follows = (
        request_of(before) is request
        and transfer.setup.wValue == before.setup.wValue + 1
        and transfer.pointer == before.pointer
    )
    if not follows or length >= size:
        return None
    return {"did": _MEDDLES[request], "skipped": size - length, "length": length, "size": size}


def _wrapped(transfer: Transfer, history: History) -> Facts | None:
    before = history.block
    if before is None or transfer.setup.wValue or before.setup.wValue not in _LAST_NUMBERS:
        return None
    request = request_of(transfer)
    if request is None or request_of(before) is not request:
        return None
    if is_taken(transfer) and not isinstance(parse_command(transfer.data), Unknown):
        return None
    if request is Request.DNLOAD and not transfer.data:
        return None
    return {"last": before.setup.wValue}


def _unknown_command(transfer: Transfer, history: History) -> Facts | None:
    command, known = command_of(transfer), history.profile.bootloader.commands
    if command is None or _wrapped(transfer, history) is not None:
        return None
    if not isinstance(command, Unknown) and transfer.data[0] in known:
        return None
    shown = transfer.data[:_SHOWN].hex(" ") + (" ..." if len(transfer.data) > _SHOWN else "")
    return {"sent": shown, "known": ", ".join(f"0x{code:02X}" for code in known)}


BLOCKS = (
    Rule(
        name="short-blocks",
        title="This {did} {skipped} of each {size} bytes: blocks of {length} bytes with rising wBlockNum",
        why=(
            "wTransferSize is the descriptor's, {size} here, and not the wLength of the request: block n is "
            "at Address_Pointer + (n - 2) * {size}, however many bytes are asked for"
        ),
        source="AN3156 on DFU_UPLOAD; measured on an STM32F042, 'STM32 DFU protocol DFU_UPLOAD problem'",
        cure=(
            "Move {size} bytes a block, all but the last, or send Set Address Pointer (and before an UPLOAD, "
            "ABORT) for each and use block 2 only"
        ),
        in_transfer=_short_blocks,
    ),
    Rule(
        name="block-wrap",
        title="wBlockNum wrapped from {last} to 0",
        why="Block 0 carries commands and 1 is reserved: it is not where the data go on",
        source="AN3156 on DFU_DNLOAD and DFU_UPLOAD",
        cure="Before the counter ends, send Set Address Pointer for what is left and begin at block 2 again",
        in_transfer=_wrapped,
    ),
    Rule(
        name="unknown-command",
        title="A DNLOAD to block 0 is no command of this chip: {sent}",
        why=(
            "The chip takes it, and only the second GETSTATUS tells by errSTALLEDPKT that nothing was done; "
            "a command is its code ({known}), and behind 0x21, or 0x41 for one sector, 4 bytes of address"
        ),
        source="AN3156 on DFU_DNLOAD and on its commands",
        cure=(
            "Send code and address with no byte more or less, the lowest byte of the address first, and data "
            "to block 2 and up; UPLOAD of block 0 tells which codes a chip knows"
        ),
        in_transfer=_unknown_command,
    ),
)
"""Rules about the numbers of blocks."""
