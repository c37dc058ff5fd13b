"""What faults do to bits: in a data stage, in the flash when power goes, in worn cells."""

from collections.abc import Sequence
from random import Random

from dfu_emulator.bootloader import Effect
from dfu_emulator.memory import Flash

_PRECISION = 8
"""Binary digits of a probability."""


def flipped(data: bytes, bits: int, random: Random) -> bytes:
    """``data`` with so many of its bits, or all of them if it has fewer, flipped."""
    changed = bytearray(data)
    for bit in random.sample(range(len(data) * 8), min(bits, len(data) * 8)):
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def interrupt(
    flash: Flash, before: bytes, effects: Sequence[Effect], done: float, random: Random
) -> tuple[Effect, ...]:
    """Undo what power was not there for: ``before`` is what the flash held, ``done`` the part of the job.

    A write goes from word to word, so it has got so far. An erase is at all cells of its sectors at once:
    each bit is erased already, or not yet. What is left of ``effects`` is returned.
    """
    left = []
    written = int(done * sum(length for action, address, length in effects if action == "write"))
    for effect in effects:
        action, address, length = effect
        offset = address - flash.start
        in_flash = flash.start <= address < flash.end
        old = before[offset : offset + length] if in_flash else b""
        if action == "erase":
            new = flash.cells[offset : offset + length]
            flash.disturb(address, _mixed(old, bytes(new), done, random))
        elif in_flash:
            stop = address + min(length, written)
            written -= stop - address
            if stop < address + length:  # a word is programmed as a whole, wherever the host's data begin
                stop = max(address, stop - (stop - flash.start) % flash.program_width)
            length = stop - address
            flash.disturb(stop, old[length:])
        if length:
            left.append(Effect(action, address, length))
    return tuple(left)


def _mixed(old: bytes, new: bytes, share: float, random: Random) -> bytes:
    """The bits of ``new`` with a probability of ``share``, else those of ``old``."""
    if share >= 1:
        return new
    bits = len(old) * 8
    mask = 0
    for digit in range(_PRECISION):
        drawn = random.getrandbits(bits)
        mask = mask | drawn if int(share * (1 << _PRECISION)) >> digit & 1 else mask & drawn
    mixed = int.from_bytes(new, "little") & mask | int.from_bytes(old, "little") & ~mask
    return mixed.to_bytes(len(old), "little")


def wear_out(flash: Flash, sector: int, bits: int, random: Random) -> None:
    """Let so many bits of a sector stay programmed whatever is done to it."""
    first, _behind = flash.sector_bounds(sector)
    size = flash.sector_size(sector)
    worn: dict[int, int] = {}
    for bit in random.sample(range(size * 8), min(bits, size * 8)):
        address = first + bit // 8
        worn[address] = worn.get(address, 0) | 1 << bit % 8
    flash.wear_out(worn)
