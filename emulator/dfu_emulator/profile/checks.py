"""What no single value of a profile shows: contradictions between values."""

from collections.abc import Iterator

from dfu_emulator.profile.model import Profile, SerialRule
from dfu_emulator.profile.tree import Key
from dfu_protocol import ProtocolError, parse_layout


def find_contradiction(profile: Profile) -> tuple[Key, str] | None:
    """The first contradiction: the key to change, and why."""
    return next(_contradictions(profile), None)


def _contradictions(profile: Profile) -> Iterator[tuple[Key, str]]:
    memory = profile.memory
    yield from _overlaps(profile)
    for index, text in enumerate(profile.alternates):
        try:
            parse_layout(text)
        except ProtocolError as error:
            yield ("alternates", index), str(error)
    if profile.usb.serial is SerialRule.FIXED and profile.usb.fixed_serial is None:
        yield ("usb", "serial"), "a fixed serial number needs the key 'fixed_serial'"
    if memory.ram.reserved >= memory.ram.size:
        yield ("memory", "ram", "reserved"), "the ROM's share is as large as the RAM"
    options = memory.option_bytes
    if options.rdp.offset >= options.size:
        yield ("memory", "option_bytes", "rdp", "offset"), f"lies outside the {options.size} option bytes"
    if options.wrp.offset + (options.wrp.sectors + 7) // 8 > options.size:
        yield ("memory", "option_bytes", "wrp"), f"the bits do not fit the {options.size} option bytes"
    for width, times in profile.timing.flash.items():
        key = ("timing", "flash", width, "erase")
        try:
            timed = times.erase_by_size
        except ValueError as error:
            yield key, str(error)
            continue
        for size in sorted({size for _, size in memory.flash.sectors} - timed.keys()):
            yield key, f"no time for sectors of {size} bytes"
    if not profile.timing.flash:
        yield ("timing", "flash"), "at least one width of programming is needed"
    for index, width in enumerate(memory.device_feature.voltage_ranges if memory.device_feature else ()):
        if width not in profile.timing.flash:
            yield ("memory", "device_feature", "voltage_ranges", index), f"timing.flash has no key {width!r}"


def _overlaps(profile: Profile) -> Iterator[tuple[Key, str]]:
    memory = profile.memory
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
