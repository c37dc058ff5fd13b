"""A chip in words for a person: sections of lines, each with the key of the value that it tells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import (
    Eeprom,
    Flash,
    FlashTimes,
    OptionBytes,
    Otp,
    Overwrite,
    SerialRule,
    Span,
)
from dfu_emulator.profile.quirks import quirks_of
from dfu_emulator.profile.spelling import plain, spell_duration, spell_size
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, serial_number
from dfu_protocol import Attributes

_ATTRIBUTES = {
    Attributes.CAN_DNLOAD: "can download",
    Attributes.CAN_UPLOAD: "can upload",
    Attributes.MANIFESTATION_TOLERANT: "manifestation tolerant",
    Attributes.WILL_DETACH: "will detach",
}
_OVERWRITE = {
    Overwrite.CLEAR_BITS: "clears bits and reports OK",
    Overwrite.PROG: "fails with errPROG",
    Overwrite.PROG_UNLESS_ZERO: "fails with errPROG, but for zeros",
    Overwrite.VERIFY: "fails with errVERIFY",
}
_SELF_POWERED = 0x40


@dataclass(frozen=True, slots=True)
class Line:
    """``cells`` of a table; ``key`` is a value's, or a section's, None for what needs no evidence."""

    key: str | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a title."""

    title: str
    lines: list[Line]
    headings: tuple[str, ...] = ()


def sections(profile: Profile) -> Iterator[Section]:
    """All about ``profile`` but its memory map."""
    for title, lines in _SECTIONS.items():
        yield Section(title, list(lines(profile)))
    yield Section("times", list(_times(profile)), ("", "typical", "maximum", "bwPollTimeout"))
    yield Section("quirks", [Line(q.key, (q.word, q.consequence(profile))) for q in quirks_of(profile)])
    yield Section("rules of the ROM", list(_rules(profile)))
    if profile.rom_versions and profile.rom_version not in profile.rom_versions:
        yield Section("ROM versions", list(_rom_versions(profile)))


def _usb(profile: Profile) -> Iterator[Line]:
    usb, configuration = profile.usb, profile.usb.configuration
    fixed = usb.serial is SerialRule.FIXED
    number = serial_number(usb, DEFAULT_UNIQUE_ID)
    attributes = configuration.bmAttributes
    power = "self powered" if attributes & _SELF_POWERED else "bus powered"
    yield Line("usb.idVendor", ("idVendor, idProduct", f"{usb.idVendor:04x}:{usb.idProduct:04x}"))
    yield Line("usb.bcdDevice", ("bcdDevice", f"{usb.bcdDevice:04x}"))
    yield Line("usb.bcdUSB", ("bcdUSB", f"{usb.bcdUSB:04x}"))
    yield Line("usb.manufacturer", ("iManufacturer", f'"{usb.manufacturer}"'))
    yield Line("usb.product", ("iProduct", f'"{usb.product}"'))
    yield Line(
        "usb.serial",
        ("iSerialNumber", f'"{number}"{" on every chip" if fixed else ", made from the unique id"}'),
    )
    yield Line("usb.configuration.bmAttributes", ("bmAttributes", f"{attributes:#04x}: {power}"))
    yield Line("usb.configuration.bMaxPower", ("bMaxPower", f"{configuration.bMaxPower * 2} mA"))


def _dfu(profile: Profile) -> Iterator[Line]:
    dfu = profile.dfu
    able = ", ".join(name for flag, name in _ATTRIBUTES.items() if dfu.bmAttributes & flag)
    yield Line("dfu.wTransferSize", ("wTransferSize", f"{dfu.wTransferSize} bytes"))
    yield Line("dfu.bmAttributes", ("bmAttributes", f"{dfu.bmAttributes:#04x}: {able}"))
    yield Line("dfu.wDetachTimeOut", ("wDetachTimeOut", f"{dfu.wDetachTimeOut} ms"))
    yield Line("dfu.bcdDFUVersion", ("bcdDFUVersion", f"{dfu.bcdDFUVersion:04x}"))


def _alternates(profile: Profile) -> Iterator[Line]:
    for index, text in enumerate(profile.alternates):
        yield Line(f"alternates.{index}", (str(index), f'"{text}"'))
    for index, tail in enumerate(profile.alternate_tails):
        if tail:
            yield Line("alternate_tails", (f"{index}, tail", f"{plain(tail)} follows the text"))


def _writing(profile: Profile) -> Iterator[Line]:
    memory = profile.memory
    yield from _writing_flash(memory.flash)
    yield from _writing_option_bytes(memory.option_bytes)
    if memory.otp:
        yield from _writing_otp(memory.otp)
    if memory.eeprom:
        yield from _writing_eeprom(memory.eeprom)


def _writing_flash(flash: Flash) -> Iterator[Line]:
    key = "memory.flash"
    yield Line(f"{key}.erased", ("erased flash", f"reads {flash.erased:#04x}"))
    yield Line(
        f"{key}.write_alignment",
        ("alignment", f"address and length in multiples of {flash.write_alignment}"),
    )
    yield Line(f"{key}.program_width", ("unit", f"{flash.program_width} bytes are programmed at once"))
    yield Line(f"{key}.overwrite", ("writing over data", _OVERWRITE[flash.overwrite]))


def _writing_option_bytes(options: OptionBytes) -> Iterator[Line]:
    key = "memory.option_bytes"
    rdp = options.rdp
    level2 = "there is no level 2" if rdp.level2 is None else f"{rdp.level2:#04x} is level 2"
    told = f"byte {rdp.offset}: {rdp.level0:#04x} is level 0, {level2}, all else is level 1"
    yield Line(f"{key}.rdp", ("read protection", told))
    for index, bits in enumerate(options.wrp_bits):
        where = f"{bits.bits} bits from byte {bits.offset} of area {bits.area} on"
        each = "one sector" if bits.sectors == 1 else f"{bits.sectors} sectors"
        from_on = f"for {each} each, from sector {bits.first_sector} on"
        yield Line(f"{key}.wrp_bits.{index}", ("write protection", f"{where}, {from_on}"))
    for index, limits in enumerate(options.wrp_ranges):
        numbers = f"from the number in byte {limits.first} of area {limits.area} to that in {limits.last}"
        counted = f"from sector {limits.first_sector} on"
        yield Line(f"{key}.wrp_ranges.{index}", ("write protection", f"{numbers}, counted {counted}"))
    if options.complement:
        width = options.complement
        yield Line(f"{key}.complement", ("complements", f"after each {width} bytes stand their complements"))


def _writing_otp(otp: Otp) -> Iterator[Line]:
    unit = f"{otp.write_once} bytes at once, and once" if otp.write_once else "bits are cleared, and stay so"
    lock = "; a lock byte for each block" if otp.lock_bytes else ""
    yield Line("memory.otp", ("OTP", f"{otp.blocks} blocks of {otp.block}; {unit}{lock}"))


def _writing_eeprom(eeprom: Eeprom) -> Iterator[Line]:
    yield Line("memory.eeprom", ("EEPROM", f"{spell_size(eeprom.size)}, written without an erase"))


def _times(profile: Profile) -> Iterator[Line]:
    poll = profile.timing.poll_timeout
    for width, times in profile.timing.flash.items():
        yield from _flash_times(profile, width, times)
    for name in ("set_address", "read_unprotect", "manifest", "idle"):
        told = f"{getattr(poll, name)} ms"
        yield Line(f"timing.poll_timeout.{name}", (name.replace("_", " "), "", "", told))
    yield Line("timing.connect", ("reset to USB", spell_duration(profile.timing.connect), "", ""))


def _flash_times(profile: Profile, width: str, times: FlashTimes) -> Iterator[Line]:
    key, poll = f"timing.flash.{width}", profile.timing.poll_timeout
    block, unit = profile.dfu.wTransferSize, profile.memory.flash.program_width
    units = -(-block // unit)
    whole = _span(times.program, units)
    yield Line(f"{key}.program", (f"{width} program {unit} bytes", *_span(times.program), ""))
    yield Line(f"{key}.program", (f"{width} write {block} bytes", *whole, f"{poll.write} ms"))
    sizes = {size for _, size in profile.memory.flash.sectors}
    for size, spelled in sorted((size, spelled) for spelled, size in _sizes(times).items() if size in sizes):
        told = (*_span(times.erase[spelled]), f"{poll.erase} ms")
        yield Line(f"{key}.erase.{spelled}", (f"{width} erase {spell_size(size)}", *told))
    yield Line(
        f"{key}.mass_erase", (f"{width} mass erase", *_span(times.mass_erase), f"{poll.mass_erase} ms")
    )


def _sizes(times: FlashTimes) -> dict[str, int]:
    return dict(zip(times.erase, times.erase_by_size, strict=True))


def _span(span: Span, times: int = 1) -> tuple[str, str]:
    return spell_duration(span.typ * times), spell_duration(span.max * times)


def _rules(profile: Profile) -> Iterator[Line]:
    for section in ("bootloader", "protection"):
        for name, value in plain(getattr(profile, section)).items():
            if value is not None:
                yield Line(f"{section}.{name}", (f"{section}.{name}", _spell(value)))


def _spell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"0x{value:08X}"
        case list():
            return " ".join(f"{code:02X}" for code in value)
    return str(value)


def _rom_versions(profile: Profile) -> Iterator[Line]:
    yield Line(None, (profile.rom_version, "is the one above"))
    for name, changes in profile.rom_versions.items():
        yield Line(None, (name, f"has another {', '.join(_keys(changes))}"))


def _keys(changes: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in changes.items():
        if name == "evidence":
            continue
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


_SECTIONS: dict[str, Callable[[Profile], Iterator[Line]]] = {
    "USB": _usb,
    "DFU functional descriptor": _dfu,
    "alternates": _alternates,
    "writing": _writing,
}
