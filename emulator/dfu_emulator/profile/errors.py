"""What is wrong with a profile, and where."""

from collections.abc import Sized
from pathlib import Path
from typing import TypeAlias

Key: TypeAlias = tuple[str | int, ...]
"""The way to a value: names of keys, and indices of lists."""


def spell(key: Key) -> str:
    """``key`` as messages and evidence write it: ``memory.flash.sectors.0``."""
    return ".".join(map(str, key))


def index_of(part: str, items: Sized) -> int | None:
    """Which of ``items`` a part of a spelled key means; None if none."""
    return next((index for index in range(len(items)) if str(index) == part), None)


class ProfileError(Exception):
    """A profile that cannot be used. ``file``, ``line`` (from 1) and ``key`` say where, if known."""

    def __init__(
        self, message: str, file: Path | None = None, line: int | None = None, key: Key = ()
    ) -> None:
        self.file, self.line, self.key = file, line, spell(key)
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{self.key}{': ' if key else ''}{message}")
