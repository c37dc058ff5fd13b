"""A profile's values in the words of a profile: ``16K``, ``400 ms``, ``4*16K``, ``FF AA``."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from dfu_emulator.profile.scalars import Duration, HexBytes, Sectors

_SIZES = ((1024 * 1024, "M"), (1024, "K"))
_DURATIONS = ((1_000_000, "s"), (1_000, "ms"))


def spell_size(size: int) -> str:
    """Bytes, in the largest unit that leaves a whole number."""
    return next((f"{size // unit}{name}" for unit, name in _SIZES if size and not size % unit), str(size))


def spell_duration(microseconds: int) -> str:
    """A duration in the largest unit of which it has one."""
    for unit, name in _DURATIONS:
        if microseconds >= unit:
            return f"{microseconds / unit:.6f}".rstrip("0").rstrip(".") + f" {name}"
    return f"{microseconds} us"


def spell_sectors(run: tuple[int, int]) -> str:
    """A run of equal sectors."""
    return f"{run[0]}*{spell_size(run[1])}"


def plain(value: Any) -> Any:
    """``value``, a section or anything in one, as dicts, lists and scalars that a profile could have."""
    match value:
        case Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case Enum():
            return value.value
        case Duration():
            return spell_duration(value)
        case Sectors():
            return spell_sectors(value)
        case HexBytes():
            return value.hex(" ").upper()
        case int() if not isinstance(value, bool):
            return int(value)
        case tuple() | list():
            return [plain(item) for item in value]
    return value
