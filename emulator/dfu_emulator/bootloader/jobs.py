"""What a DNLOAD makes the chip do, once the first GETSTATUS starts it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NamedTuple

from dfu_emulator.chip import Chip
from dfu_emulator.memory import Flash, MemoryFault, OptionArea
from dfu_emulator.profile.model import OutsideMap, Rdp1
from dfu_emulator.protection import Operation
from dfu_emulator.timing import Work, WorkKind
from dfu_protocol import (
    FIRST_DATA_BLOCK,
    Command,
    Erase,
    GetCommands,
    MassErase,
    ReadUnprotect,
    SetAddress,
    Status,
    Unknown,
    parse_command,
)


class Reason(Enum):
    """Why the device leaves the bus."""

    LEAVE = "leave"
    DETACH = "detach"
    READ_UNPROTECT = "read unprotect"
    OPTION_BYTES = "option bytes written"
    UNPLUGGED = "unplugged"
    POWER_LOSS = "power lost"


@dataclass(frozen=True, slots=True)
class Departure:
    """The device leaves the bus. ``returns_after`` is in microseconds, None if it stays away."""

    reason: Reason
    returns_after: int | None
    application_runs: bool = False


class Effect(NamedTuple):
    """A run of memory that a job has changed."""

    action: Literal["erase", "write"]
    address: int
    length: int


class Job(NamedTuple):
    """A job that has been done: what it was, where, how it ended, and whether it ends in a reset."""

    work: Work
    address: int
    outcome: Status = Status.OK
    reset: Reason | None = None
    ignored: bool = False
    """True where the chip reports OK and has done nothing."""
    effects: tuple[Effect, ...] = ()
    """What it has changed, all that it asked for or not."""


class Worker:
    """Does jobs on a chip. It holds the Address_Pointer, which starts at the flash (AN3156)."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._rules = chip.profile.bootloader
        self._program_width = chip.profile.memory.flash.program_width
        self._outside = Status.ADDRESS if self._rules.outside_map is OutsideMap.ADDRESS else Status.TARGET
        self._supported = frozenset(self._rules.commands)
        self.pointer = chip.flash.start
        self._commands: dict[type, Callable[[Any], Job]] = {
            GetCommands: self._get,
            SetAddress: self._set_address,
            Erase: self._erase,
            MassErase: self._mass_erase,
            ReadUnprotect: self._read_unprotect,
            Unknown: self._unknown,
        }

    def run(self, block: int, data: bytes, block_size: int) -> Job:
        """Do what DNLOAD number ``block`` with ``data`` asks for."""
        if block >= FIRST_DATA_BLOCK:
            return self._write(self.address_of(block, block_size), data)
        command = self._command(data)
        return self._commands[type(command)](command)

    def outlook(self, block: int, data: bytes, block_size: int) -> tuple[WorkKind, int]:
        """What ``run`` would do with the same, and at which address. Nothing happens."""
        if block >= FIRST_DATA_BLOCK:
            return WorkKind.WRITE, self.address_of(block, block_size)
        match self._command(data):
            case Erase(address):
                return WorkKind.ERASE, address
            case MassErase():
                return WorkKind.MASS_ERASE, self._chip.flash.start
            case ReadUnprotect():
                return WorkKind.READ_UNPROTECT, self._chip.flash.start
            case SetAddress(address):
                return WorkKind.SET_ADDRESS, address
            case _:
                return WorkKind.SET_ADDRESS, self.pointer

    def _command(self, data: bytes) -> Command:
        return parse_command(data) if data[0] in self._supported else Unknown(data)

    def address_of(self, block: int, block_size: int) -> int:
        """Where data block number ``block`` goes to or comes from."""
        return self.pointer + (block - FIRST_DATA_BLOCK) * block_size

    def read(self, block: int, length: int, block_size: int) -> bytes:
        """Up to ``length`` bytes for UPLOAD number ``block``, fewer at the end of a memory.

        Raises MemoryFault where nothing can be read.
        """
        address = self.address_of(block, block_size)
        region = self._chip.map.find(address)
        if not self._chip.protection.lets_read(region):
            raise MemoryFault(Status.VENDOR)
        if region is None:
            raise MemoryFault(self._outside)
        return region.read(address, min(length, region.end - address))

    def _get(self, _command: GetCommands) -> Job:
        return Job(Work(WorkKind.SET_ADDRESS), self.pointer)

    def _unknown(self, _command: Unknown) -> Job:
        return Job(Work(WorkKind.SET_ADDRESS), self.pointer, Status.STALLEDPKT)

    def _set_address(self, command: SetAddress) -> Job:
        work = Work(WorkKind.SET_ADDRESS)
        rule = self._chip.protection.rule(Operation.SET_ADDRESS)
        if rule is Rdp1.VENDOR:
            return Job(work, command.address, Status.VENDOR)
        if self._chip.map.find(command.address) is None:
            return Job(work, command.address, self._outside)
        if rule is Rdp1.ALLOW:
            self.pointer = command.address
        return Job(work, command.address)

    def _write(self, address: int, data: bytes) -> Job:
        work = Work(WorkKind.WRITE, units=-(-len(data) // self._program_width))
        region = self._chip.map.find(address)
        if region is None or address + len(data) > region.end:
            return Job(work, address, self._outside)
        rule = self._chip.protection.rule(Operation.WRITE)
        if rule is not Rdp1.ALLOW:
            return _forbidden(work, address, rule)
        if isinstance(region, Flash):
            return self._program(region, work, address, data)
        if isinstance(region, OptionArea):
            return self._write_option_bytes(region, work, address, data)
        try:
            region.write(address, data)
        except MemoryFault as fault:
            return Job(work, address, fault.status)
        return Job(work, address, effects=(Effect("write", address, len(data)),))

    def _program(self, flash: Flash, work: Work, address: int, data: bytes) -> Job:
        """Program what is not write protected, sector by sector, up to the first fault."""
        protection = self._chip.protection
        end = address + len(data)
        outcome = Status.OK
        effects: list[Effect] = []
        place = address
        try:
            flash.check_alignment(address, len(data))
            for sector in range(flash.sector_at(address), flash.sector_at(end - 1) + 1):
                first, behind = flash.sector_bounds(sector)
                place, stop = max(first, address), min(behind, end)
                if not protection.is_write_protected(sector):
                    flash.write(place, data[place - address : stop - address])
                    _add_write(effects, place, stop - place)
                elif protection.reports_write_protection:
                    outcome = Status.WRITE
        except MemoryFault as fault:
            outcome = fault.status
            _add_write(effects, place, fault.stored)
        return Job(work, address, outcome, effects=tuple(effects))

    def _write_option_bytes(self, region: OptionArea, work: Work, address: int, data: bytes) -> Job:
        if not region.takes(address, data):
            return Job(work, address, ignored=True)
        options = self._chip.option_bytes
        effects = [Effect("write", address, len(data))]
        before = options.rdp_level
        region.write(address, data)
        if before == 1 and options.rdp_level == 0:
            self._chip.unprotect()
            effects.append(self._all_erased())
        return Job(work, address, reset=Reason.OPTION_BYTES, effects=tuple(effects))

    def _all_erased(self) -> Effect:
        flash = self._chip.flash
        return Effect("erase", flash.start, flash.end - flash.start)

    def _erase(self, command: Erase) -> Job:
        flash, address = self._chip.flash, command.address
        if not flash.start <= address < flash.end:
            return Job(Work(WorkKind.ERASE), address, self._outside)
        sector = flash.sector_at(address)
        work = Work(WorkKind.ERASE, sector=flash.sector_size(sector))
        return self._erase_sectors(work, address, range(sector, sector + 1))

    def _mass_erase(self, _command: MassErase) -> Job:
        flash = self._chip.flash
        return self._erase_sectors(Work(WorkKind.MASS_ERASE), flash.start, flash.sectors)

    def _erase_sectors(self, work: Work, address: int, sectors: range) -> Job:
        """Erase all of ``sectors``, or none where one of them is write protected."""
        protection = self._chip.protection
        rule = protection.rule(Operation.ERASE)
        if rule is not Rdp1.ALLOW:
            return _forbidden(work, address, rule)
        if any(protection.is_write_protected(sector) for sector in sectors):
            if protection.reports_write_protection:
                return Job(work, address, Status.ERASE)
            return Job(work, address, ignored=True)
        for sector in sectors:
            self._chip.flash.erase(sector)
        first, _ = self._chip.flash.sector_bounds(sectors[0])
        _, behind = self._chip.flash.sector_bounds(sectors[-1])
        return Job(work, address, effects=(Effect("erase", first, behind - first),))

    def _read_unprotect(self, _command: ReadUnprotect) -> Job:
        self._chip.unprotect()
        work, erased = Work(WorkKind.READ_UNPROTECT), self._all_erased()
        return Job(work, erased.address, reset=Reason.READ_UNPROTECT, effects=(erased,))


def _add_write(effects: list[Effect], address: int, length: int) -> None:
    """One more run of bytes that were written; one that follows on the last makes that longer."""
    if effects and effects[-1].address + effects[-1].length == address:
        _action, address, before = effects.pop()
        length += before
    if length:
        effects.append(Effect("write", address, length))


def _forbidden(work: Work, address: int, rule: Rdp1) -> Job:
    """What becomes of a job that read protection forbids."""
    if rule is Rdp1.IGNORE:
        return Job(work, address, ignored=True)
    return Job(work, address, Status.VENDOR)
