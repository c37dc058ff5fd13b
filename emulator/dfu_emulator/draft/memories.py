"""The memory map that follows from layout strings, as changes to a profile."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from dfu_emulator.draft.layouts import Block, blocks_of, named_blocks
from dfu_emulator.profile import Profile
from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.model import FlashTimes, OptionBytes, Span
from dfu_emulator.profile.spelling import spell_duration, spell_size

Change: TypeAlias = tuple[Key, Any]
"""A key, and what a profile's file would say there."""

_OPTION_BYTES, _OTP, _EEPROM, _FEATURE = "option bytes", "otp memory", "data memory", "device feature"
_OPTION_BYTES_MAX = 4096
_OPTION_AREAS_MAX = 4


def flash_changes(text: str, profile: Profile) -> Iterator[Change]:
    """What ``profile`` has to say else for a chip whose flash is as the layout string ``text`` says.

    Nothing where the profile's own string says the same: it may not be true. Raises ProtocolError.
    """
    blocks = blocks_of(text)
    if blocks != blocks_of(profile.alternates[0]):
        yield from _flash(blocks, profile)


def memory_changes(texts: Sequence[str], profile: Profile) -> Iterator[Change]:
    """The same for all other memories that the alternates' layout strings ``texts`` name."""
    known = named_blocks(profile.alternates[1:])
    for name, blocks in named_blocks(texts[1:]).items():
        if blocks != known.get(name) and name in _MEMORIES:
            yield from _MEMORIES[name](blocks, profile)


def _flash(blocks: Sequence[Block], profile: Profile) -> Iterator[Change]:
    flash, first = profile.memory.flash, blocks[0]
    if first.start != flash.start:
        yield ("memory", "flash", "start"), first.start
    yield ("memory", "flash", "sectors"), [f"{count}*{spell_size(size)}" for count, size in first.runs]
    if flash.as_in_layout is not (len(blocks) == 1):
        yield ("memory", "flash", "as_in_layout"), len(blocks) == 1
    for width, times in profile.timing.flash.items():
        for size in sorted({size for _, size in first.runs} - times.erase_by_size.keys()):
            yield ("timing", "flash", width, "erase", spell_size(size)), _nearest(times, size)


def _nearest(times: FlashTimes, size: int) -> dict[str, str]:
    """The erase time of the sectors that are nearest to ``size`` bytes."""
    known = times.erase_by_size
    span: Span = known[min(known, key=lambda other: max(size / other, other / size))]
    return {"typ": spell_duration(span.typ), "max": spell_duration(span.max)}


def _option_bytes(blocks: Sequence[Block], profile: Profile) -> Iterator[Change]:
    """Areas where the string has them, with what the profile has in its own as far as that goes."""
    options = profile.memory.option_bytes
    if len(blocks) > _OPTION_AREAS_MAX or any(block.size > _OPTION_BYTES_MAX for block in blocks):
        return
    if blocks[0].size <= options.rdp.offset:
        return
    if options.complement and any(block.size % (2 * options.complement) for block in blocks):
        return
    key = ("memory", "option_bytes")
    areas = []
    for number, block in enumerate(blocks):
        factory = options.areas[min(number, len(options.areas) - 1)].factory
        contents = factory[: block.size].ljust(block.size, b"\xff")
        areas.append({"start": block.start, "factory": options.with_complements(contents)})
    yield (*key, "areas"), areas
    yield from _write_protection(options, [block.size for block in blocks])


def _write_protection(options: OptionBytes, sizes: Sequence[int]) -> Iterator[Change]:
    """What is left of the write protection bits in areas of ``sizes``."""
    key = ("memory", "option_bytes")
    room = dict(enumerate(sizes))
    bits = [b for b in options.wrp_bits if b.offset + (b.first_bit + b.bits - 1) // 8 < room.get(b.area, 0)]
    ranges = [
        limits for limits in options.wrp_ranges if max(limits.first, limits.last) < room.get(limits.area, 0)
    ]
    if len(bits) < len(options.wrp_bits):
        yield (*key, "wrp_bits"), msgspec.to_builtins(bits)
    if len(ranges) < len(options.wrp_ranges):
        yield (*key, "wrp_ranges"), msgspec.to_builtins(ranges)


def _otp(blocks: Sequence[Block], profile: Profile) -> Iterator[Change]:
    otp, block = profile.memory.otp, blocks[0]
    key = ("memory", "otp")
    yield (*key, "start"), block.start
    if otp is None or otp.size != block.size:
        yield (*key, "blocks"), 1
        yield (*key, "block"), block.size
        yield (*key, "lock_bytes"), False


def _eeprom(blocks: Sequence[Block], _profile: Profile) -> Iterator[Change]:
    yield ("memory", "eeprom", "start"), blocks[0].start
    yield ("memory", "eeprom", "size"), blocks[0].size


def _device_feature(blocks: Sequence[Block], profile: Profile) -> Iterator[Change]:
    key = ("memory", "device_feature")
    yield (*key, "start"), blocks[0].start
    if profile.memory.device_feature is None:
        yield (*key, "voltage_ranges"), [next(iter(profile.timing.flash))]


_MEMORIES = {_OPTION_BYTES: _option_bytes, _OTP: _otp, _EEPROM: _eeprom, _FEATURE: _device_feature}
