"""What no single value of a profile shows: contradictions between values."""

from collections.abc import Iterator

from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.evidence import value_at
from dfu_emulator.profile.model import FlashTimes, Memory, Profile, Rdp1, SerialRule, Span
from dfu_emulator.profile.scalars import Size
from dfu_protocol import ProtocolError, parse_layout
from dfu_protocol.descriptors import build_string


def find_contradiction(profile: Profile) -> tuple[Key, str] | None:
    """The first contradiction: the key to change, and why."""
    return next(_contradictions(profile), None)


def _contradictions(profile: Profile) -> Iterator[tuple[Key, str]]:
    yield from _strings(profile)
    if profile.protection.read is Rdp1.IGNORE:
        yield ("protection", "read"), "a read has to give data or an error; expected errVENDOR or allow"
    yield from _memory(profile.memory)
    yield from _overlaps(profile.memory)
    yield from _timing(profile)
    yield from _evidence(profile)


def _strings(profile: Profile) -> Iterator[tuple[Key, str]]:
    usb = profile.usb
    if usb.serial is SerialRule.FIXED and usb.fixed_serial is None:
        yield ("usb", "serial"), "a fixed serial number needs the key 'fixed_serial'"
    texts: dict[Key, str] = {("alternates", index): text for index, text in enumerate(profile.alternates)}
    texts |= {("usb", "manufacturer"): usb.manufacturer, ("usb", "product"): usb.product}
    texts |= {("usb", "fixed_serial"): usb.fixed_serial or ""}
    for key, text in texts.items():
        try:
            build_string(text)
            if key[0] == "alternates":
                parse_layout(text)
        except ProtocolError as error:
            yield key, str(error)


def _memory(memory: Memory) -> Iterator[tuple[Key, str]]:
    if memory.ram.reserved > memory.ram.size:
        yield ("memory", "ram", "reserved"), "the ROM's share is larger than the RAM"
    system = memory.system
    if not system.start <= system.bootloader_id_address < system.start + system.size:
        yield ("memory", "system", "bootloader_id_address"), "lies outside the system memory"
    options = memory.option_bytes
    if options.rdp.offset >= options.size:
        yield ("memory", "option_bytes", "rdp", "offset"), f"lies outside the {options.size} option bytes"
    if options.wrp.offset + (options.wrp.sectors + 7) // 8 > options.size:
        yield ("memory", "option_bytes", "wrp"), f"the bits do not fit the {options.size} option bytes"
    if memory.otp and not memory.otp.block:
        yield ("memory", "otp", "block"), "a block has at least one byte"
    for index, (start, end) in enumerate(memory.stacks):
        if start >= end:
            yield ("memory", "stacks", index), f"the end {end:#x} does not lie above the start {start:#x}"


def _overlaps(memory: Memory) -> Iterator[tuple[Key, str]]:
    areas = {
        "flash": (memory.flash.start, memory.flash.size),
        "ram": (memory.ram.start, memory.ram.size),
        "system": (memory.system.start, memory.system.size),
        "option_bytes": (memory.option_bytes.start, memory.option_bytes.size),
    }
    if memory.otp:
        areas["otp"] = (memory.otp.start, memory.otp.size)
    if memory.device_feature:
        areas["device_feature"] = (memory.device_feature.start, 4)
    end, below = 0, ""
    for name, (start, size) in sorted(areas.items(), key=lambda area: area[1]):
        if start + size > 1 << 32:
            yield ("memory", name), "ends above the 32-bit address space"
        if start < end:
            yield ("memory", name, "start"), f"{start:#x} lies inside {below!r}, which ends at {end:#x}"
        end, below = start + size, name


def _timing(profile: Profile) -> Iterator[tuple[Key, str]]:
    flash = profile.timing.flash
    if not flash:
        yield ("timing", "flash"), "at least one width of programming is needed"
    feature = profile.memory.device_feature
    for index, width in enumerate(feature.voltage_ranges if feature else ()):
        if width not in flash:
            yield ("memory", "device_feature", "voltage_ranges", index), f"timing.flash has no key {width!r}"
    sizes = {size for _, size in profile.memory.flash.sectors}
    for width, times in flash.items():
        yield from _erase_times(("timing", "flash", width), times, sizes)


def _erase_times(key: Key, times: FlashTimes, sizes: set[int]) -> Iterator[tuple[Key, str]]:
    timed: set[int] = set()
    for spelled in times.erase:
        try:
            size = Size.read(spelled)
        except ValueError as error:
            yield (*key, "erase", spelled), str(error)
            continue
        if size in timed:
            yield (*key, "erase", spelled), f"a second time for sectors of {size} bytes"
        timed.add(size)
    for untimed in sorted(sizes - timed):
        yield (*key, "erase"), f"no time for sectors of {untimed} bytes"
    spans: dict[Key, Span] = {("erase", spelled): span for spelled, span in times.erase.items()}
    spans |= {("program_word",): times.program_word, ("mass_erase",): times.mass_erase}
    for below, span in spans.items():
        if span.typ > span.max:
            yield (*key, *below), "the typical time is above the maximum"


def _evidence(profile: Profile) -> Iterator[tuple[Key, str]]:
    for index, evidence in enumerate(profile.evidence):
        for number, path in enumerate(evidence.of):
            try:
                value_at(profile, path)
            except KeyError:
                yield ("evidence", index, "of", number), f"the profile has no key {path!r}"
