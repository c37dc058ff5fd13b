"""Which keys of a profile decide what a difference is about: where a capture is a contribution."""

from dfu_emulator.profile.model import Memory
from dfu_emulator.replay.descriptors import FIRST_ALTERNATE
from dfu_emulator.replay.finding import Situation
from dfu_emulator.replay.records import ControlTransfer
from dfu_emulator.timing import WorkKind
from dfu_emulator.trace import is_dfu
from dfu_protocol import FIRST_DATA_BLOCK, Request, SetupPacket, StandardRequest, State, Status, StatusReply
from dfu_protocol.descriptors import DescriptorType

Keys = tuple[str, ...]

KEYS_OF_BUSY: Keys = ("bootloader.busy", "bootloader.wedge_from", "timing.flash")
"""Where one says that a job is done and the other does not."""
_JOB_RULES = {
    WorkKind.WRITE: "protection.write",
    WorkKind.ERASE: "protection.erase",
    WorkKind.MASS_ERASE: "protection.erase",
    WorkKind.SET_ADDRESS: "protection.set_address",
}
READ_PROTECTED = "read protection"
OF_FLASH = "write or read protection, worn flash"
"""Of the chip, not of its profile: why nothing can be read, and why flash does not hold what was written."""
_OUTCOMES: dict[Status, Keys] = {
    Status.TARGET: ("bootloader.outside_map", "memory"),
    Status.ADDRESS: ("bootloader.outside_map", "memory"),
    Status.WRITE: ("protection.wrp", "memory.otp"),
    Status.ERASE: ("protection.wrp",),
    Status.PROG: ("memory.flash.write_alignment", "memory.flash.overwrite"),
    Status.VERIFY: ("memory.flash.overwrite",),
    Status.STALLEDPKT: ("bootloader.commands",),
}
_REQUESTS: dict[int, Keys] = {
    Request.CLRSTATUS: ("bootloader.clrstatus",),
    Request.ABORT: ("bootloader.abort_in_error",),
    Request.DETACH: ("bootloader.detach",),
}
"""What decides how these requests are answered, and what state they lead to."""


def keys_of_refusal(transfer: ControlTransfer, situation: Situation) -> Keys:
    """Where one stalls a request and the other does not."""
    setup = transfer.setup
    if not is_dfu(setup):
        return _keys_of_standard_refusal(setup)
    if setup.bRequest in _REQUESTS:
        if setup.bRequest == Request.ABORT and situation.before is not State.ERROR:
            return ()  # what it does there is the same on all chips
        return _REQUESTS[setup.bRequest]
    if setup.bRequest == Request.GETSTATUS:
        return ("bootloader.busy",)
    if setup.wLength > situation.profile.dfu.wTransferSize:
        return ("dfu.wTransferSize",)
    if situation.previous is not None and situation.previous.bRequest in _REQUESTS:
        return _REQUESTS[situation.previous.bRequest]
    if setup.bRequest == Request.UPLOAD and setup.wValue >= FIRST_DATA_BLOCK:
        return ("protection.read", "memory", "dfu.wTransferSize")
    return ("dfu.wTransferSize",)


def _keys_of_standard_refusal(setup: SetupPacket) -> Keys:
    if setup.bRequest == StandardRequest.SET_INTERFACE:
        return ("alternates",)
    if setup.bRequest == StandardRequest.GET_DESCRIPTOR:
        kind, index = divmod(setup.wValue, 256)
        if kind == DescriptorType.STRING and index >= FIRST_ALTERNATE:
            return ("alternates",)
        if kind == DescriptorType.DFU_FUNCTIONAL:
            return ("usb.lone_functional",)
    return ()


def keys_of_state(chip: StatusReply, emulator: StatusReply, situation: Situation) -> Keys:
    """Where the states or statuses differ that the two tell."""
    previous = situation.previous
    if previous is None:
        return ("bootloader.first_contact",)
    if previous.bRequest in _REQUESTS:
        return _REQUESTS[previous.bRequest]
    if State.DNBUSY in (chip.bState, emulator.bState) and State.ERROR not in (chip.bState, emulator.bState):
        return KEYS_OF_BUSY
    if previous.bRequest in (Request.DNLOAD, Request.GETSTATUS) and situation.work is not None:
        return _keys_of_outcome(chip.bStatus, emulator.bStatus, situation.work)
    return ()


def _keys_of_outcome(chip: Status, emulator: Status, work: WorkKind) -> Keys:
    """Of a job: what the one of the two that failed says tells more than the other's OK."""
    if Status.VENDOR in (chip, emulator) and work in _JOB_RULES:
        return (_JOB_RULES[work],)
    return _OUTCOMES.get(chip) or _OUTCOMES.get(emulator) or ()


def of_the_chip(chip: Status, emulator: Status, situation: Situation) -> str:
    """What of the chip itself may be the reason that only one of the two says that a job has failed."""
    failed = {chip, emulator} & {Status.WRITE, Status.ERASE, Status.VERIFY, Status.PROG}
    return OF_FLASH if failed and situation.work is not None else ""


def is_of_flash(situation: Situation) -> bool:
    """Whether a data block is one of the flash."""
    flash = situation.profile.memory.flash
    return situation.address is not None and flash.start <= situation.address < flash.start + flash.size


def keys_of_upload(transfer: ControlTransfer, situation: Situation) -> Keys:
    """Where the bytes differ that the two send."""
    if transfer.setup.wValue < FIRST_DATA_BLOCK:
        return ("bootloader.commands",)
    memory, address = situation.profile.memory, situation.address
    return () if address is None else _keys_at(memory, address, len(transfer.data))


def _keys_at(memory: Memory, address: int, length: int) -> Keys:
    identity = memory.system.bootloader_id_address
    if identity is not None and address <= identity < address + length:
        return ("memory.system.bootloader_id",)
    flash = memory.flash
    if flash.start <= address < flash.start + flash.size:
        return ("memory.flash", "bootloader.block_size", "dfu.wTransferSize")
    if any(area.start <= address < area.start + area.size for area in memory.option_bytes.areas):
        return ("memory.option_bytes",)
    return ("memory",)
