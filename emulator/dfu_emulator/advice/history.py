"""What the rules know of a conversation: the chip, and what came before."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from dfu_emulator.bootloader import NEVER, Reason
from dfu_emulator.memory import Flash, Region
from dfu_emulator.port import Attached, BusReset, Detached, GivenUp, Occurrence, Transfer
from dfu_emulator.profile.model import BlockSize
from dfu_emulator.usb_device import UsbDevice
from dfu_protocol import (
    FIRST_DATA_BLOCK,
    Command,
    Erase,
    MassErase,
    ProtocolError,
    Request,
    SetAddress,
    SetupPacket,
    State,
    StatusReply,
    parse_command,
)


@dataclass(frozen=True, slots=True)
class Closed:
    """The host is done: its process has ended."""

    at: int


Ending: TypeAlias = Closed | Detached | BusReset
Event: TypeAlias = Occurrence | Closed


def request_of(transfer: Transfer) -> Request | None:
    """The DFU request, None for another request or one whose bmRequestType or wIndex is wrong."""
    return _request_in(transfer.setup)


@lru_cache(maxsize=1024)
def _request_in(setup: SetupPacket) -> Request | None:
    """Every rule asks, and hosts send the same again and again."""
    if setup.bRequest > Request.ABORT:
        return None
    request = Request(setup.bRequest)
    right = SetupPacket.dfu(request, setup.wValue, setup.wLength)
    return request if setup == right else None


def is_taken(transfer: Transfer) -> bool:
    """True for a DNLOAD with data that the chip has taken."""
    return request_of(transfer) is Request.DNLOAD and transfer.reply.data is not None and bool(transfer.data)


def _is_acknowledged(transfer: Transfer) -> bool:
    reply = transfer.reply
    return reply.data is not None and reply.hold < NEVER and not reply.lost


def is_block(transfer: Transfer) -> bool:
    """True for an UPLOAD, or a DNLOAD with data, of what is in memory."""
    reads = request_of(transfer) is Request.UPLOAD and transfer.reply.data is not None
    return (reads or is_taken(transfer)) and transfer.setup.wValue >= FIRST_DATA_BLOCK


def command_of(transfer: Transfer) -> Command | None:
    """The command that a taken DNLOAD carries, if it does."""
    if is_taken(transfer) and not transfer.setup.wValue:
        return parse_command(transfer.data)
    return None


def status_in(transfer: Transfer) -> StatusReply | None:
    """What a GETSTATUS told."""
    if request_of(transfer) is not Request.GETSTATUS or transfer.reply.data is None:
        return None
    try:
        return StatusReply.parse(transfer.reply.data)
    except ProtocolError:
        return None


class History:
    """``add`` is called with each event once the rules have looked at it."""

    def __init__(self, device: UsbDevice) -> None:
        self.profile = device.profile
        self.chip = device.bootloader.chip
        self.last: Transfer | None = None
        """The last request to the bootloader since it came to the bus or the bus was reset."""
        self.job: Transfer | None = None
        """The DNLOAD taken last, until its outcome is told."""
        self.unasked = False
        """Whether the host knows that the chip has taken a DNLOAD, and has sent no GETSTATUS since."""
        self.unanswered = False
        """Whether the last GETSTATUS since a DNLOAD had no answer: a host may well give up then."""
        self.asked_again = False
        """Whether a GETSTATUS came after the one that has started the job, answered or not."""
        self.gave_up = False
        """Whether the host has let the last GETSTATUS since a DNLOAD time out."""
        self.block: Transfer | None = None
        """The last block of a run: no other command or ABORT since."""
        self.told_busy: Transfer | None = None
        """The GETSTATUS that told dfuDNBUSY last."""
        self.blank: set[int] = set()
        """Sectors that this host has erased and not written since."""
        self.addressed = False
        """Whether Set Address Pointer came after all writes."""

    @property
    def transfer_size(self) -> int:
        """wTransferSize of the descriptor, in bytes."""
        return self.profile.dfu.wTransferSize

    @property
    def has_fixed_blocks(self) -> bool:
        """Whether blocks are wTransferSize apart, however long they are."""
        return self.profile.bootloader.block_size is BlockSize.WTRANSFERSIZE

    @property
    def state(self) -> State | None:
        """In which the last request left the chip."""
        return self.last.after if self.last is not None else None

    def address_of(self, block: Transfer) -> int:
        """Where a block goes to or comes from."""
        assert block.address is not None  # noqa: S101 - every block has one
        return block.address

    def target_of(self, write: Transfer) -> tuple[int, Region | None]:
        """Address and memory of a DNLOAD of data."""
        address = self.address_of(write)
        return address, self.chip.map.find(address)

    def sectors_of(self, job: Transfer) -> set[int]:
        """The sectors of the flash that a taken DNLOAD erases or writes."""
        flash = self.chip.flash
        match command_of(job):
            case MassErase():
                return set(flash.sectors)
            case Erase(address) if flash.start <= address < flash.end:
                return {flash.sector_at(address)}
            case None if is_block(job):
                address, region = self.target_of(job)
                if isinstance(region, Flash):
                    last = min(address + len(job.data), region.end) - 1
                    return set(range(region.sector_at(address), region.sector_at(last) + 1))
        return set()

    def add(self, event: Event) -> None:
        """Remember it."""
        match event:
            case Transfer():
                request = request_of(event)
                if request is not None:
                    self._add_request(request, event)
            case GivenUp():
                self._add_given_up(event)
            case Attached():
                self._forget()
                self.addressed = False
            case Detached(departure=departure) if departure.reason is Reason.READ_UNPROTECT:
                self._forget()
                self.blank.clear()
            case _:
                self._forget()

    def _forget(self) -> None:
        self.last = self.job = self.block = self.told_busy = None
        self.unasked = self.unanswered = self.asked_again = self.gave_up = False

    def _add_given_up(self, given_up: GivenUp) -> None:
        match _request_in(given_up.setup):
            case Request.DNLOAD if given_up.reached:
                self.unasked = False  # the host does not know that the chip has taken it
            case Request.GETSTATUS:
                self.gave_up = True
                if given_up.reached:
                    self.told_busy = None  # the host has not heard of it
                    self.unanswered = self.last is not None and bool(self.last.reply.fault)

    def _add_request(self, request: Request, transfer: Transfer) -> None:
        if is_block(transfer):
            self.block = transfer
        elif request not in (Request.GETSTATUS, Request.GETSTATE):
            self.block = None
        if request in (Request.DNLOAD, Request.GETSTATUS):
            self.unasked = request is Request.DNLOAD and _is_acknowledged(transfer)
            self.unanswered = request is Request.GETSTATUS and transfer.reply.hold >= NEVER
            self.asked_again = request is Request.GETSTATUS and transfer.before is State.DNBUSY
            self.gave_up = False
        status = status_in(transfer)
        if status is not None and status.bState is State.DNBUSY:
            self.told_busy = transfer
        if is_taken(transfer):
            self.job, self.told_busy = transfer, None
            if is_block(transfer):
                self.blank -= self.sectors_of(transfer)
                self.addressed = False
        elif transfer.before is State.DNBUSY and transfer.after is not State.DNBUSY:
            if transfer.after is State.DNLOAD_IDLE and self.job is not None:
                self._add_done(self.job)
            self.job = self.told_busy = None
        self.last = transfer

    def _add_done(self, job: Transfer) -> None:
        command = command_of(job)
        if isinstance(command, SetAddress):
            self.addressed = True
        elif isinstance(command, Erase | MassErase):
            self.blank |= self.sectors_of(job)
