"""What surprises hosts about a chip, told from the fields of its profile."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from dfu_emulator.profile.model import (
    AbortInError,
    BlockSize,
    BusyModel,
    ClrStatus,
    Detach,
    FirstContact,
    FlashTimes,
    HeldAt,
    LoneFunctional,
    Overwrite,
    Profile,
    Rdp1,
    SerialRule,
    WriteProtection,
)
from dfu_emulator.profile.spelling import spell_duration, spell_size
from dfu_protocol import Attributes, CommandCode, parse_layout

_USUAL_TRANSFER_SIZE = 2048
_USUAL_TIME_LIMIT = 1_000_000
"""Microseconds that a host can be trusted to wait for an answer."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """``word`` names it, ``key`` is the field it comes from, ``consequence`` is what it means to a host."""

    word: str
    key: str
    holds: Callable[[Profile], bool]
    consequence: Callable[[Profile], str]


def quirks_of(profile: Profile) -> list[Quirk]:
    """Those that ``profile`` has, in the order in which a host meets them."""
    return [quirk for quirk in QUIRKS if quirk.holds(profile)]


def _first_times(profile: Profile) -> FlashTimes:
    """Those that apply after a reset."""
    return next(iter(profile.timing.flash.values()))


def _longest_erase(profile: Profile) -> tuple[int, int]:
    """Size of the sector that takes longest to erase, and for how long it typically does."""
    times = _first_times(profile).erase_by_size
    longest = max((size for _, size in profile.memory.flash.sectors), key=lambda size: times[size].typ)
    return longest, times[longest].typ


def _slow(profile: Profile) -> bool:
    return _first_times(profile).mass_erase.max > _USUAL_TIME_LIMIT


def _longest(profile: Profile) -> str:
    return spell_duration(_first_times(profile).mass_erase.max)


def _has_second_address(text: str) -> bool:
    segments = parse_layout(text).segments
    return any(one.end != other.address for one, other in pairwise(segments))


QUIRKS = (
    # Finding the chip
    Quirk(
        "fixed serial",
        "usb.serial",
        lambda p: p.usb.serial is SerialRule.FIXED,
        lambda p: f"every chip says {p.usb.fixed_serial}: two boards cannot be told apart by it",
    ),
    Quirk(
        "serial of UID2",
        "usb.serial",
        lambda p: p.usb.serial is SerialRule.UID_SUM_UID2,
        lambda p: (
            "the serial number ends in UID2, not in UID1: a host that works it out of the unique id as for "
            "other STM32 finds another"
        ),
    ),
    Quirk(
        "shifted serial",
        "usb.serial_addend",
        lambda p: p.usb.serial_addend != 0,
        lambda p: (
            f"the ROM adds {p.usb.serial_addend} to the serial number: a host that works it out of the "
            "unique id as for other STM32 finds another"
        ),
    ),
    Quirk(
        "odd device status",
        "usb.device_status",
        lambda p: p.usb.device_status is not None,
        lambda p: (
            f"GET_STATUS of the device says 0x{p.usb.device_status or 0:04X}, whatever bmAttributes of the "
            "configuration says: do not tell from it how the chip is powered"
        ),
    ),
    Quirk(
        "silent 0x21",
        "usb.lone_functional",
        lambda p: p.usb.lone_functional is LoneFunctional.SILENCE,
        lambda p: (
            "GET_DESCRIPTOR for the DFU functional descriptor alone is never answered: take it from the "
            "configuration descriptor"
        ),
    ),
    Quirk(
        "small blocks",
        "dfu.wTransferSize",
        lambda p: p.dfu.wTransferSize < _USUAL_TRANSFER_SIZE,
        lambda p: (
            f"more than {p.dfu.wTransferSize} bytes a block are stalled: read wTransferSize, do not take "
            f"{_USUAL_TRANSFER_SIZE} for granted"
        ),
    ),
    # Reading its map
    Quirk(
        "layout untrue",
        "memory.flash.as_in_layout",
        lambda p: not p.memory.flash.as_in_layout,
        lambda p: "the layout string of the flash is wrong: a host that believes it erases the wrong sectors",
    ),
    Quirk(
        "flash alone",
        "alternates",
        lambda p: len(set(p.alternates)) == 1,
        lambda p: (
            "no alternate names the option bytes: a host that looks for them by name does not find them, "
            "though their address works"
        ),
    ),
    Quirk(
        "same alternates",
        "alternates",
        lambda p: len(set(p.alternates)) < len(p.alternates),
        lambda p: "several alternates show the same string: it does not tell which to take, any will do",
    ),
    Quirk(
        "two addresses",
        "alternates",
        lambda p: any(map(_has_second_address, p.alternates)),
        lambda p: (
            "a layout string goes on at a second address: a parser that expects one address loses the rest "
            "or fails"
        ),
    ),
    Quirk(
        "layout junk",
        "alternates",
        lambda p: any(parse_layout(text).junk for text in p.alternates),
        lambda p: "a layout string ends in what is no layout: a parser has to stop there, not to fail",
    ),
    Quirk(
        "odd string",
        "alternate_tails",
        lambda p: any(len(tail) % 2 for tail in p.alternate_tails),
        lambda p: "a string descriptor has an odd bLength: a decoder of UTF-16 must drop the last byte",
    ),
    # Talking to it
    Quirk(
        "starts in dfuERROR",
        "bootloader.first_contact",
        lambda p: p.bootloader.first_contact is FirstContact.ERR_FIRMWARE,
        lambda p: "the first GETSTATUS says dfuERROR and errFIRMWARE: send CLRSTATUS before anything else",
    ),
    Quirk(
        "CLRSTATUS twice",
        "bootloader.clrstatus",
        lambda p: p.bootloader.clrstatus is ClrStatus.ERROR,
        lambda p: (
            "CLRSTATUS outside dfuERROR leads into it, with errUNKNOWN: send it again until GETSTATUS says "
            "dfuIDLE"
        ),
    ),
    Quirk(
        "CLRSTATUS stalls",
        "bootloader.clrstatus",
        lambda p: p.bootloader.clrstatus is ClrStatus.STALL,
        lambda p: "CLRSTATUS outside dfuERROR is stalled: look at the state first, or forgive the stall",
    ),
    Quirk(
        "CLRSTATUS ignored",
        "bootloader.clrstatus",
        lambda p: p.bootloader.clrstatus is ClrStatus.IGNORE,
        lambda p: "CLRSTATUS outside dfuERROR changes nothing: ABORT is what leads to dfuIDLE there",
    ),
    Quirk(
        "ABORT clears errors",
        "bootloader.abort_in_error",
        lambda p: p.bootloader.abort_in_error is AbortInError.IDLE,
        lambda p: "ABORT leads out of dfuERROR: a host that relies on it fails on chips that stall it there",
    ),
    Quirk(
        "stalls DETACH",
        "bootloader.detach",
        lambda p: p.bootloader.detach is Detach.STALL and bool(p.dfu.bmAttributes & Attributes.WILL_DETACH),
        lambda p: "bmAttributes says bitWillDetach, but DETACH is stalled: leave by a DNLOAD without data",
    ),
    Quirk(
        "no read unprotect",
        "bootloader.commands",
        lambda p: CommandCode.READ_UNPROTECT not in p.bootloader.commands,
        lambda p: "there is no Read Unprotect: a host cannot get a protected chip free",
    ),
    Quirk(
        "fixed stride",
        "bootloader.block_size",
        lambda p: p.bootloader.block_size is BlockSize.WTRANSFERSIZE,
        lambda p: (
            f"block n is at Address_Pointer + (n - 2) * {p.dfu.wTransferSize}: a host that moves fewer bytes "
            "a block skips memory"
        ),
    ),
    Quirk(
        "stride of wLength",
        "bootloader.block_size",
        lambda p: p.bootloader.block_size is BlockSize.WLENGTH,
        lambda p: (
            "block n is at Address_Pointer + (n - 2) * wLength: a last block that is shorter is taken from, "
            "or goes to, another place"
        ),
    ),
    # Waiting for it
    Quirk(
        "holds GETSTATUS",
        "bootloader.busy",
        lambda p: _blocks(p, HeldAt.START) and _slow(p),
        lambda p: (
            "the GETSTATUS that starts an erase is answered when the erase is over: a host's time-out must "
            f"be above {_longest(p)}"
        ),
    ),
    Quirk(
        "holds what follows",
        "bootloader.busy",
        lambda p: _blocks(p, HeldAt.NEXT) and _slow(p),
        lambda p: (
            "the request after the GETSTATUS that starts an erase is answered when the erase is over: a "
            f"host's time-out must be above {_longest(p)}"
        ),
    ),
    Quirk(
        "stalls while busy",
        "bootloader.busy",
        lambda p: p.bootloader.busy is BusyModel.STALL,
        lambda p: "GETSTATUS is stalled before bwPollTimeout is up: wait that long, then ask",
    ),
    Quirk(
        "wedges",
        "bootloader.wedge_from",
        lambda p: p.bootloader.wedge_from is not None,
        lambda p: (
            f"an erase at or above 0x{p.bootloader.wedge_from or 0:08X} is done but stays in dfuDNBUSY for "
            "ever: a host has to give up and send CLRSTATUS twice"
        ),
    ),
    Quirk(
        "erase lie",
        "timing.poll_timeout.erase",
        lambda p: p.timing.poll_timeout.erase * 1000 < _longest_erase(p)[1],
        lambda p: (
            f"bwPollTimeout says {p.timing.poll_timeout.erase} ms for the erase of a sector of "
            f"{spell_size(_longest_erase(p)[0])}, which takes {spell_duration(_longest_erase(p)[1])}: "
            "be patient with the request after it"
        ),
    ),
    Quirk(
        "mass erase lie",
        "timing.poll_timeout.mass_erase",
        lambda p: p.timing.poll_timeout.mass_erase * 1000 < _first_times(p).mass_erase.typ,
        lambda p: (
            f"bwPollTimeout says {p.timing.poll_timeout.mass_erase} ms for a mass erase, which takes "
            f"{spell_duration(_first_times(p).mass_erase.typ)} and up to {_longest(p)}: wait that long"
        ),
    ),
    Quirk(
        "voltage range",
        "memory.device_feature.voltage_ranges",
        lambda p: len(p.timing.flash) > 1,
        lambda p: (
            f"the flash works {next(iter(p.timing.flash))}, as slowly as it can, until a host writes the "
            "supply voltage to the device feature"
        ),
    ),
    # Writing to it
    Quirk(
        "padded writes",
        "memory.flash.write_alignment",
        lambda p: p.memory.flash.write_alignment > 1,
        lambda p: (
            f"address and length of a write are multiples of {p.memory.flash.write_alignment}: another fails "
            "with errPROG, and so does each later one until a reset; pad the last block"
        ),
    ),
    Quirk(
        "erases to 0x00",
        "memory.flash.erased",
        lambda p: p.memory.flash.erased == 0,
        lambda p: (
            "erased flash reads 0x00: a host that looks for 0xFF takes it for data, and one that skips 0xFF "
            "leaves those bytes out"
        ),
    ),
    Quirk(
        "silent overwrite",
        "memory.flash.overwrite",
        lambda p: p.memory.flash.overwrite is Overwrite.CLEAR_BITS,
        lambda p: "a write over data reports OK and mixes both: erase first, and read back",
    ),
    Quirk(
        "EEPROM",
        "memory.eeprom",
        lambda p: p.memory.eeprom is not None,
        lambda p: "the data EEPROM is written without an erase, and no erase command reaches it",
    ),
    Quirk(
        "no RAM",
        "memory.ram",
        lambda p: not p.memory.ram,
        lambda p: "the ROM uses all of the RAM: a host cannot load a program into it",
    ),
    # Protection
    Quirk(
        "silent WRP",
        "protection.wrp",
        lambda p: p.protection.wrp is WriteProtection.SILENT,
        lambda p: "erase and write of a write-protected sector report OK and change nothing: read back",
    ),
    Quirk(
        "silent RDP",
        "protection.write",
        lambda p: p.protection.write is Rdp1.IGNORE,
        lambda p: "at read protection level 1 writes report OK and change nothing: only a read tells",
    ),
    Quirk(
        "RDP denies addresses",
        "protection.set_address",
        lambda p: p.protection.set_address is Rdp1.VENDOR,
        lambda p: (
            "at read protection level 1 even Set Address Pointer fails with errVENDOR: a host learns there "
            "that the chip is protected"
        ),
    ),
)


def _blocks(profile: Profile, held_at: HeldAt) -> bool:
    rules = profile.bootloader
    return rules.busy is BusyModel.BLOCK and rules.held_at is held_at
