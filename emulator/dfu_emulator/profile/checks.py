"""What no single value of a profile shows: contradictions between values."""

from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise

from dfu_emulator.profile.areas import areas
from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.evidence import value_at
from dfu_emulator.profile.model import (
    Flash,
    FlashTimes,
    Memory,
    OptionBytes,
    Profile,
    Range,
    Rdp1,
    SerialRule,
    Span,
    SystemMemory,
)
from dfu_emulator.profile.scalars import Size
from dfu_protocol import ProtocolError, parse_layout
from dfu_protocol.descriptors import build_string


def contradictions(profile: Profile) -> Iterator[tuple[Key, str]]:
    """Each contradiction: the key to change, and why."""
    yield from _strings(profile)
    if profile.protection.read is Rdp1.IGNORE:
        yield ("protection", "read"), "a read has to give data or an error; expected errVENDOR or allow"
    yield from _memory(profile.memory)
    yield from _overlaps(profile.memory)
    yield from _timing(profile)
    yield from _layout(profile)
    yield from _evidence(profile)


def _strings(profile: Profile) -> Iterator[tuple[Key, str]]:
    usb = profile.usb
    if usb.serial is SerialRule.FIXED and usb.fixed_serial is None:
        yield ("usb", "serial"), "a fixed serial number needs the key 'fixed_serial'"
    for name in ("manufacturer", "product", "fixed_serial"):
        yield from _refusal(("usb", name), build_string, getattr(usb, name) or "")
    alternates = len(profile.alternates)
    if len(profile.alternate_tails) > alternates:
        yield (
            ("alternate_tails", alternates),
            f"there is no alternate {alternates}, the last is {alternates - 1}",
        )
    for index, (text, tail) in enumerate(profile.alternate_strings):
        yield from _refusal(("alternates", index), parse_layout, text)
        yield from _refusal(("alternates", index), build_string, text, tail)


def _refusal(key: Key, use: Callable[..., object], *values: object) -> Iterator[tuple[Key, str]]:
    """What is wrong with the value at ``key``, where it cannot be used so."""
    try:
        use(*values)
    except ProtocolError as error:
        yield key, str(error)


def _memory(memory: Memory) -> Iterator[tuple[Key, str]]:
    for name, ranges in (("stacks", memory.stacks), ("ram", memory.ram)):
        for index, area in enumerate(ranges):
            yield from _range(("memory", name, index), area)
    yield from _flash(memory.flash)
    yield from _system(memory.system)
    yield from _option_bytes(memory.option_bytes)
    if memory.otp and not memory.otp.block:
        yield ("memory", "otp", "block"), "a block has at least one byte"
    if memory.eeprom and not memory.eeprom.size:
        yield ("memory", "eeprom", "size"), "an EEPROM has at least one byte"


def _range(key: Key, area: Range) -> Iterator[tuple[Key, str]]:
    start, end = area
    if start >= end:
        yield key, f"the end {end:#x} does not lie above the start {start:#x}"


def _flash(flash: Flash) -> Iterator[tuple[Key, str]]:
    key = ("memory", "flash")
    if flash.erased not in (0x00, 0xFF):
        yield (*key, "erased"), f"an erased byte is 0x00 or 0xFF, not {flash.erased:#04x}"
    for name in ("write_alignment", "program_width"):
        unit = getattr(flash, name)
        for _, size in flash.sectors:
            if size % unit:
                yield (*key, name), f"a sector of {size} bytes is no multiple of {unit}"


def _system(system: SystemMemory) -> Iterator[tuple[Key, str]]:
    key = ("memory", "system")
    for index, area in enumerate(system.areas):
        yield from _range((*key, "areas", index), area)
    address = system.bootloader_id_address
    if (address is None) is not (system.bootloader_id is None):
        yield key, "bootloader_id and bootloader_id_address go together"
    if address is not None:
        behind = address + len(system.bootloader_id_bytes)
        if not any(start <= address and behind <= end for start, end in system.areas):
            yield (*key, "bootloader_id_address"), "lies outside the system memory"


def _option_bytes(options: OptionBytes) -> Iterator[tuple[Key, str]]:
    key = ("memory", "option_bytes")
    sizes = [area.size for area in options.areas]
    for index, area in enumerate(options.areas):
        yield from _factory((*key, "areas", index, "factory"), options, area.factory)
    if options.rdp.offset >= sizes[0]:
        yield (*key, "rdp", "offset"), f"lies outside the {sizes[0]} option bytes"
    if options.rdp.level0 == options.rdp.level2:
        yield (*key, "rdp", "level2"), "is the value of level 0"
    for index, bits in enumerate(options.wrp_bits):
        last = bits.offset + (bits.first_bit + bits.bits - 1) // 8
        yield from _fits((*key, "wrp_bits", index), bits.area, last, sizes)
    for index, limits in enumerate(options.wrp_ranges):
        yield from _fits((*key, "wrp_ranges", index), limits.area, max(limits.first, limits.last), sizes)


def _factory(key: Key, options: OptionBytes, factory: bytes) -> Iterator[tuple[Key, str]]:
    pair = 2 * options.complement
    if not factory:
        yield key, "expected at least one byte"
    elif pair and len(factory) % pair:
        yield key, f"{len(factory)} bytes are no multiple of {pair}, a value with its complement"
    elif (kept := options.with_complements(factory)) != factory:
        yield key, f"with complements this is {kept.hex(' ').upper()}"


def _fits(key: Key, area: int, last: int, sizes: list[int]) -> Iterator[tuple[Key, str]]:
    if area >= len(sizes):
        yield (*key, "area"), f"there is no area {area}, the last is {len(sizes) - 1}"
    elif last >= sizes[area]:
        yield key, f"the bits do not fit the {sizes[area]} option bytes"


def _overlaps(memory: Memory) -> Iterator[tuple[Key, str]]:
    end, below = 0, ""
    for area in sorted(areas(memory), key=lambda area: (area.start, area.size)):
        if area.end > 1 << 32:
            yield area.key, "ends above the 32-bit address space"
        if area.start < end:
            yield area.key, f"{area.start:#x} lies inside {below!r}, which ends at {end:#x}"
        end, below = area.end, area.memory


def _layout(profile: Profile) -> Iterator[tuple[Key, str]]:
    """The first alternate's layout string against the flash map."""
    flash = profile.memory.flash
    if not flash.as_in_layout:
        return
    try:
        segments = parse_layout(profile.alternates[0]).segments
    except ProtocolError:  # told already
        return
    told = [page for segment in segments for page in segment.pages()]
    starts = accumulate((size for count, size in flash.sectors for _ in range(count)), initial=flash.start)
    true = [(start, end - start) for start, end in pairwise(starts)]
    if told == true:
        return
    for (address, size), (true_address, true_size) in zip(told, true, strict=False):
        if (address, size) != (true_address, true_size):
            detail = (
                f"a sector of {size} at {address:#x}, memory.flash one of {true_size} at {true_address:#x}"
            )
            break
    else:
        detail = f"{sum(size for _, size in told)} bytes, memory.flash {flash.size}"
    advice = "make them agree, or say memory.flash.as_in_layout: false if the chip's string is wrong"
    yield ("alternates", 0), f"the layout string has {detail}; {advice}"


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
    spans |= {("program",): times.program, ("mass_erase",): times.mass_erase}
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
