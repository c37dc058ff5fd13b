"""Writes and erases that do not do what the host means, and what protection forbids."""

from dfu_emulator.advice.history import History, command_of, is_block, is_taken, request_of
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.memory import Flash, MemoryFault, OptionArea
from dfu_emulator.port import Transfer
from dfu_emulator.profile.model import Rdp1
from dfu_emulator.protection import Operation
from dfu_protocol import Erase, MassErase, Request, SetAddress, Status


def _is_write(transfer: Transfer, history: History) -> bool:
    """True for a DNLOAD of data that read protection does not forbid."""
    allowed = history.chip.protection.rule(Operation.WRITE) is Rdp1.ALLOW
    return is_taken(transfer) and is_block(transfer) and allowed


def _whole_flash_write(transfer: Transfer, history: History) -> tuple[Flash, int] | None:
    """Where a write goes that is inside the flash as a whole."""
    if not _is_write(transfer, history):
        return None
    address, region = history.target_of(transfer)
    if not isinstance(region, Flash) or address + len(transfer.data) > region.end:
        return None
    return region, address


def _is_misaligned(history: History, address: int, length: int) -> bool:
    flash = history.profile.memory.flash
    return bool((address - flash.start) % flash.write_alignment or length % flash.write_alignment)


def _not_erased(transfer: Transfer, history: History) -> Facts | None:
    where = _whole_flash_write(transfer, history)
    if where is None:
        return None
    flash, address = where
    data = transfer.data
    protected = map(history.chip.protection.is_write_protected, history.sectors_of(transfer))
    if flash.is_erased(address, len(data)) or _is_misaligned(history, address, len(data)) or any(protected):
        return None
    # No host can do anything about cells that are worn.
    trial = Flash(history.profile.memory.flash, flash.cells_without_wear())
    try:
        trial.write(address, data)
    except MemoryFault as fault:
        outcome = f"the chip refuses it with {fault.status.label}"
    else:
        if trial.read(address, len(data)) == data:
            return None
        outcome = "the chip reports OK and mixes old and new bits"
    return {"block": transfer.setup.wValue, "address": f"0x{address:08X}", "outcome": outcome}


def _misaligned(transfer: Transfer, history: History) -> Facts | None:
    where = _whole_flash_write(transfer, history)
    if where is None or not _is_misaligned(history, where[1], len(transfer.data)):
        return None
    return {
        "length": len(transfer.data),
        "address": f"0x{where[1]:08X}",
        "unit": history.profile.memory.flash.write_alignment,
    }


def _past_the_end(transfer: Transfer, history: History) -> Facts | None:
    if not _is_write(transfer, history):
        return None
    address, region = history.target_of(transfer)
    if region is None or address + len(transfer.data) <= region.end:
        return None
    return {
        "length": len(transfer.data),
        "address": f"0x{address:08X}",
        "over": address + len(transfer.data) - region.end,
        "end": f"0x{region.end:08X}",
    }


def _outside(transfer: Transfer, history: History) -> Facts | None:
    address: int | None = None
    what = "Set Address Pointer"
    match command_of(transfer):
        case SetAddress(pointer):
            address = pointer
        case Erase(sector):
            # Other memories than the flash are not erased.
            flash = history.chip.flash
            if not flash.start <= sector < flash.end:
                return {"what": "An erase", "address": f"0x{sector:08X}"}
        case None if _is_write(transfer, history):
            what, address = "A write", history.address_of(transfer)
    if address is None or history.chip.map.find(address) is not None:
        return None
    return {"what": what, "address": f"0x{address:08X}"}


def _partial_options(transfer: Transfer, history: History) -> Facts | None:
    if not _is_write(transfer, history):
        return None
    address, region = history.target_of(transfer)
    if not isinstance(region, OptionArea) or address + len(transfer.data) > region.end:
        return None
    if region.takes(address, transfer.data):
        return None
    return {
        "length": len(transfer.data),
        "address": f"0x{address:08X}",
        "whole": region.end - region.start,
        "start": f"0x{region.start:08X}",
    }


def _erased_again(transfer: Transfer, history: History) -> Facts | None:
    sectors = history.sectors_of(transfer)
    match command_of(transfer):
        case MassErase() if sectors <= history.blank:
            return {"what": "The whole flash"}
        case Erase(address) if sectors and sectors <= history.blank:
            return {"what": f"The sector at 0x{address:08X}"}
    return None


def _write_protected(transfer: Transfer, history: History) -> Facts | None:
    sectors = history.sectors_of(transfer)
    locked = [sector for sector in sorted(sectors) if history.chip.protection.is_write_protected(sector)]
    if not locked or history.chip.protection.rule(Operation.WRITE) is not Rdp1.ALLOW:
        return None
    return {"what": "A write" if is_block(transfer) else "An erase", "sector": locked[0]}


def _read_protected(transfer: Transfer, history: History) -> Facts | None:
    request = request_of(transfer)
    level = history.chip.option_bytes.rdp_level
    if not level:
        return None
    refused = transfer.after is not transfer.before and transfer.status is Status.VENDOR
    if refused and request is Request.UPLOAD:
        return {"what": "A read", "outcome": "errVENDOR", "level": level}
    if refused and request is Request.GETSTATUS:
        return {"what": "A command or write", "outcome": "errVENDOR", "level": level}
    ignored = history.chip.protection.rule(Operation.WRITE) is Rdp1.IGNORE
    if ignored and is_taken(transfer) and is_block(transfer):
        return {"what": "A write", "outcome": "OK, and nothing changed", "level": level}
    return None


MEMORY = (
    Rule(
        name="read-protected",
        title="{what} at read protection level {level} ended in {outcome}",
        why="At level 1 the bootloader gives no memory away and changes none, until the protection is lifted",
        source="AN3156 on the Read Unprotect command; AN2606",
        cure="Send Read Unprotect (0x92) first, if losing the whole flash is meant: it erases it and resets",
        in_transfer=_read_protected,
        quirks=("silent RDP", "RDP denies addresses", "no read unprotect"),
    ),
    Rule(
        name="not-erased",
        title="Block {block} was written to {address} over data that were not erased: {outcome}",
        why="Programming changes bits in one direction only, an erase brings them back",
        source="the reference manual, embedded flash memory; AN3156 on the erase command",
        cure="Erase each sector before the first block that goes into it, and read back afterwards",
        in_transfer=_not_erased,
        quirks=("silent overwrite", "erases to 0x00"),
    ),
    Rule(
        name="misaligned-write",
        title="{length} bytes were written to {address}, the flash takes multiples of {unit}",
        why="The chip refuses it with errPROG, and each later write too until a reset",
        source="AN2606 on the bootloader of the chip; the reference manual, flash programming",
        cure="Begin at a multiple of {unit} and pad the last block to one, with what erased flash reads",
        in_transfer=_misaligned,
        quirks=("erases to 0x00",),
    ),
    Rule(
        name="past-the-end",
        title="{length} bytes at {address} reach {over} bytes over the end of the memory at {end}",
        why="A block goes into one memory: the chip refuses all of it, also the part that would fit",
        source="AN3156 on the write memory operation",
        cure="Check the image against the layout string, and cut the last block where the memory ends",
        in_transfer=_past_the_end,
    ),
    Rule(
        name="outside-memory",
        title="{what} went to {address}, where the bootloader has no memory for it",
        why="The chip reports the error only at the second GETSTATUS, and does nothing",
        source="AN3156 on the write memory and erase operations",
        cure="Take addresses from the layout strings of the alternate settings",
        in_transfer=_outside,
    ),
    Rule(
        name="partial-option-bytes",
        title="{length} bytes were written to option bytes at {address}, of {whole} at {start}",
        why="Option bytes are written as a whole: the chip reports OK and ignores any other write",
        source="AN2662 on writing option bytes",
        cure="Read all {whole} bytes at {start}, change what is meant, and write them in one block",
        in_transfer=_partial_options,
    ),
    Rule(
        name="erased-twice",
        title="{what} was erased again, with no write in between",
        why="It is blank already; the second erase costs its time and one of the flash's limited cycles",
        source="the chip's data sheet, flash memory endurance",
        cure="Remember which sectors are erased, and after a mass erase erase none",
        in_transfer=_erased_again,
    ),
    Rule(
        name="write-protected",
        title="{what} went to sector {sector}, which the option bytes write-protect",
        why="It changes nothing there, and many ROMs report OK all the same",
        source="AN2662 and AN3156 on the erase command",
        cure="Lift the write protection in the option bytes first, and read back what was written",
        in_transfer=_write_protected,
        quirks=("silent WRP",),
    ),
)
"""Rules about what is done to memory."""
