"""What a chip's memories hold: at the start that is told only by what a host reads of them later."""

from collections.abc import Iterable
from itertools import groupby

from dfu_emulator.bootloader.jobs import Effect
from dfu_emulator.chip import Chip
from dfu_emulator.memory import Flash, Otp, Region
from dfu_emulator.memory.region import PlainRegion
from dfu_emulator.memory.small import SystemMemory

Found = list[tuple[int, bytes]]
"""Addresses, and what stands there."""

_UNTOUCHED, _KNOWN, _CHANGED = range(3)
"""What is known of a byte: nothing so far; its value; that it is no longer what it was at the start."""


class Contents:
    """What is known of the memories of ``chip``, which starts with what ``at_start`` says.

    ``flash_known`` is True where the flash's contents at the start are no secret.
    """

    def __init__(self, chip: Chip, at_start: Found, flash_known: bool = False) -> None:
        self._map = chip.map
        self._notes: dict[int, bytearray] = {}
        self._new = _UNTOUCHED
        self.at_start: Found = []
        """What has been learned of the memories as they were at the start."""
        system = chip.profile.memory.system
        if system.bootloader_id_address is not None:
            self._note(system.bootloader_id_address, len(system.bootloader_id_bytes), _KNOWN)
        for memory in (chip.device_feature, chip.flash if flash_known else None):
            if memory is not None:
                self._note(memory.start, memory.end - memory.start, _KNOWN)
        for address, data in at_start:
            self.learn(address, data)

    def learn(self, address: int, data: bytes) -> None:
        """A host has read ``data`` there: the chip holds that now, where nothing else is known of it."""
        region = self._map.find(address)
        if not isinstance(region, PlainRegion):
            return
        data = data[: region.end - address]
        start = address - region.start
        places = range(start, start + len(data))
        notes = self._of(region)
        for note, group in groupby(places, notes.__getitem__):
            run = list(group)
            first, behind = run[0], run[-1] + 1
            part = data[first - start : behind - start]
            if note != _KNOWN:
                region.cells[first:behind] = part
            if note == _UNTOUCHED:
                self.at_start.append((region.start + first, part))
        notes[start : places.stop] = bytes((_KNOWN,)) * len(data)

    def change(self, effects: Iterable[Effect]) -> None:
        """A job has changed memory; what it programmed over something unknown stays unknown."""
        for action, address, length in effects:
            region = self._map.find(address)
            if action == "write" and isinstance(region, Flash | Otp):
                notes = self._of(region)
                start = address - region.start
                part = notes[start : start + length]
                notes[start : start + length] = part.replace(bytes((_UNTOUCHED,)), bytes((_CHANGED,)))
            else:
                self._note(address, length, _KNOWN)

    def lose(self) -> None:
        """The chip has been changed in a way that is not known."""
        self._new = _CHANGED
        for start, notes in self._notes.items():
            if not isinstance(self._map.find(start), SystemMemory):
                notes[:] = bytes((_CHANGED,)) * len(notes)

    def _note(self, address: int, length: int, note: int) -> None:
        region = self._map.find(address)
        if region is not None:
            start = address - region.start
            self._of(region)[start : start + length] = bytes((note,)) * length

    def _of(self, region: Region) -> bytearray:
        notes = self._notes.get(region.start)
        if notes is None:
            notes = bytearray(bytes((self._new,)) * (region.end - region.start))
            self._notes[region.start] = notes
        return notes
