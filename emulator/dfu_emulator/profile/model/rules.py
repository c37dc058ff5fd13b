"""What differs between ROMs: the state machine, and what protection forbids."""

from enum import Enum

from dfu_emulator.profile.model.section import U8, U32, Section


class FirstContact(Enum):
    """What the first GETSTATUS after power-up says."""

    IDLE = "dfuIDLE"
    ERR_FIRMWARE = "errFIRMWARE"


class ClrStatus(Enum):
    """CLRSTATUS in any state but dfuERROR."""

    ERROR = "error"
    """Acknowledged; the state becomes dfuERROR with errUNKNOWN."""
    STALL = "stall"
    """Stalled; the state stays."""
    IGNORE = "ignore"
    """Acknowledged; the state stays."""


class AbortInError(Enum):
    """ABORT in dfuERROR."""

    ERROR = "error"
    """Stalled, as DFU 1.1 has it."""
    IDLE = "idle"
    """Back to dfuIDLE, as AN3156 words it."""


class Detach(Enum):
    """DFU_DETACH."""

    REENUMERATE = "reenumerate"
    """The device leaves the bus and comes back in dfuIDLE."""
    STALL = "stall"
    """Stalled, as DFU 1.1 has it for a device in DFU mode."""


class BlockSize(Enum):
    """The factor of (wBlockNum - 2) in the address of a block."""

    WTRANSFERSIZE = "wTransferSize"
    WLENGTH = "wLength"


class BusyModel(Enum):
    """What GETSTATUS does while a job runs."""

    BLOCK = "block"
    """It is NAKed until the job is done."""
    POLL = "poll"
    """It answers dfuDNBUSY again."""
    STALL = "stall"
    """It stalls until bwPollTimeout is up, then as poll."""


class HeldAt(Enum):
    """For the block model: which request is NAKed."""

    START = "start"
    """The GETSTATUS that starts the job."""
    NEXT = "next"
    """Whatever comes after it."""


class OutsideMap(Enum):
    """Status for an address outside the map."""

    TARGET = "errTARGET"
    ADDRESS = "errADDRESS"


class Bootloader(Section, frozen=True):
    """What differs between ROMs in the DfuSe state machine."""

    commands: tuple[U8, ...]
    first_contact: FirstContact
    clrstatus: ClrStatus
    abort_in_error: AbortInError
    detach: Detach
    block_size: BlockSize
    outside_map: OutsideMap
    busy: BusyModel
    held_at: HeldAt = HeldAt.START
    wedge_from: U32 | None = None
    """Erases at or above this address hold nothing up, but never leave dfuDNBUSY by themselves."""


class Rdp1(Enum):
    """What an operation does at read protection level 1."""

    VENDOR = "errVENDOR"
    ALLOW = "allow"
    IGNORE = "ignore"
    """It reports OK and does nothing."""


class WriteProtection(Enum):
    """Erase and write of a write-protected sector."""

    SILENT = "silent"
    """Reports OK and changes nothing."""
    ERROR = "error"
    """dfuERROR at the GETSTATUS that ends the job."""


class ProtectionRules(Section, frozen=True):
    """What read protection (RDP) and write protection (WRP) forbid."""

    read: Rdp1
    write: Rdp1
    erase: Rdp1
    set_address: Rdp1
    wrp: WriteProtection
    option_bytes_readable: bool = False
    """Whether option bytes can be read where ``read`` forbids all else."""
