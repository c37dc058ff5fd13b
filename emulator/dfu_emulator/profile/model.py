"""What a profile holds. The published JSON Schema is made from these classes.

Names of USB fields are the standard's own. Every value has its evidence, see Evidence.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from dfu_emulator.profile.scalars import Duration, HexBytes, Sectors, Size

U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Milliseconds = Annotated[int, Meta(ge=0, le=0xFFFFFF)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all sections: immutable, and an unknown key is an error."""


class SerialRule(Enum):
    """How the ROM makes the serial number from the 96-bit unique id (UID0, UID1, UID2)."""

    UID_SUM = "uid-sum"
    """%08X of UID0 + UID2, then %04X of the upper half of UID1."""
    FIXED = "fixed"
    """The text in ``fixed_serial``, the same on every chip."""


class Configuration(_Section, frozen=True):
    """Configuration descriptor."""

    bmAttributes: U8
    bMaxPower: U8


class Usb(_Section, frozen=True):
    """Device descriptor and strings."""

    bcdUSB: U16
    idVendor: U16
    idProduct: U16
    bcdDevice: U16
    bMaxPacketSize0: U8
    manufacturer: str
    product: str
    serial: SerialRule
    configuration: Configuration
    fixed_serial: str | None = None


class DfuFunctional(_Section, frozen=True):
    """DFU functional descriptor."""

    bmAttributes: U8
    wDetachTimeOut: U16
    wTransferSize: Annotated[int, Meta(ge=8, le=4096)]
    bcdDFUVersion: U16


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


class Bootloader(_Section, frozen=True):
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
    """Erases at or above this address never leave dfuDNBUSY by themselves."""


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


class ProtectionRules(_Section, frozen=True):
    """What read protection (RDP) and write protection (WRP) forbid."""

    read: Rdp1
    write: Rdp1
    erase: Rdp1
    set_address: Rdp1
    wrp: WriteProtection


class Overwrite(Enum):
    """Programming cells that are not erased."""

    CLEAR_BITS = "clear-bits"
    """Bits go from the erased value to its opposite, never back; no error."""
    PROG = "errPROG"
    VERIFY = "errVERIFY"


class Flash(_Section, frozen=True):
    """Main flash memory."""

    start: U32
    sectors: Annotated[tuple[Sectors, ...], Meta(min_length=1)]
    erased: U8
    write_alignment: Annotated[int, Meta(ge=1, le=32)]
    """Address and length of a write are multiples of this many bytes; others fail, and so do later ones."""
    overwrite: Overwrite

    @property
    def size(self) -> int:
        """Bytes in all sectors."""
        return sum(count * size for count, size in self.sectors)


class Ram(_Section, frozen=True):
    """RAM; the ROM keeps ``reserved`` bytes at its start for itself."""

    start: U32
    size: Size
    reserved: Size


class SystemMemory(_Section, frozen=True):
    """Readable ROM. Its contents are ST's: all reads as 0xFF, but for the bootloader id."""

    start: U32
    size: Size
    bootloader_id: U8
    bootloader_id_address: U32


class Rdp(_Section, frozen=True):
    """The read protection byte; any value but these two is level 1."""

    offset: U8
    level0: U8
    level2: U8


class Wrp(_Section, frozen=True):
    """Write protection bits, one a sector from the first on; a 0 protects."""

    offset: U8
    sectors: Annotated[int, Meta(ge=1, le=64)]


class OptionBytes(_Section, frozen=True):
    """Option bytes as the bootloader shows them."""

    start: U32
    factory: HexBytes
    rdp: Rdp
    wrp: Wrp

    @property
    def size(self) -> int:
        """Bytes in the area."""
        return len(self.factory)


class Otp(_Section, frozen=True):
    """One-time programmable memory: blocks of ``block`` bytes, then a lock byte for each."""

    start: U32
    blocks: Annotated[int, Meta(ge=1, le=255)]
    block: Size

    @property
    def size(self) -> int:
        """Bytes in the area, lock bytes included."""
        return self.blocks * (self.block + 1)


class DeviceFeature(_Section, frozen=True):
    """Four bytes of which the first selects the supply voltage, and by it the width of programming."""

    start: U32
    voltage_ranges: Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)]
    """The key into ``timing.flash`` for each value of the byte."""


class Memory(_Section, frozen=True):
    """The memory map, as far as the bootloader reaches."""

    flash: Flash
    ram: Ram
    system: SystemMemory
    option_bytes: OptionBytes
    stacks: Annotated[tuple[tuple[U32, U32], ...], Meta(min_length=1)]
    """[start, end) of each RAM that an application's initial stack pointer may point into."""
    otp: Otp | None = None
    device_feature: DeviceFeature | None = None


class PollTimeouts(_Section, frozen=True):
    """bwPollTimeout that the chip reports, in milliseconds; it may lie."""

    idle: Milliseconds
    set_address: Milliseconds
    write: Milliseconds
    erase: Milliseconds
    mass_erase: Milliseconds
    read_unprotect: Milliseconds
    manifest: Milliseconds


class Span(_Section, frozen=True):
    """A data-sheet time: typical and maximum."""

    typ: Duration
    max: Duration


class FlashTimes(_Section, frozen=True):
    """How long the flash takes, at one width of programming."""

    program_word: Span
    """One 32-bit word."""
    erase: dict[str, Span]
    """By sector size, spelled as a size."""
    mass_erase: Span

    @property
    def erase_by_size(self) -> dict[int, Span]:
        """Erase times by sector size in bytes."""
        return {Size.read(spelled): span for spelled, span in self.erase.items()}


class Timing(_Section, frozen=True):
    """Times of the real chip."""

    poll_timeout: PollTimeouts
    flash: dict[str, FlashTimes]
    """By width of programming; the first is what applies after a reset."""
    connect: Duration
    """From reset to the USB connection."""


class EvidenceKind(Enum):
    """How a value is known."""

    HARDWARE = "hardware"
    """Printed by a real chip."""
    DOCUMENT = "document"
    """Text of the vendor, or of a project that works with the chip."""
    INFERRED = "inferred"
    """Deduced, not seen."""


class Evidence(_Section, frozen=True):
    """Where values come from. ``of`` lists keys; a key covers all below it unless a longer one does.

    It speaks of what its own file says, not of what a file that extends that one says instead.
    """

    kind: EvidenceKind
    source: str
    of: tuple[str, ...]


class Profile(_Section, frozen=True):
    """One chip."""

    name: str
    family: str
    part: str
    usb: Usb
    dfu: DfuFunctional
    alternates: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    """iInterface of each alternate setting, verbatim."""
    bootloader: Bootloader
    protection: ProtectionRules
    memory: Memory
    timing: Timing
    aliases: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
