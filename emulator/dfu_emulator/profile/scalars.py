"""The units of a profile: sizes like ``16K``, durations like ``400 ms``, runs of sectors like ``4*16K``."""

import re
from typing import Any

from dfu_emulator.profile.wording import describe

_SIZE = re.compile(r"([0-9]{1,10}) *([KM]?)")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *(us|ms|s)")
_SECTORS = re.compile(r"([0-9]{1,5}) *\* *([0-9]{1,10} *[KM]?)")
_BYTES_IN = {"": 1, "K": 1024, "M": 1024 * 1024}
_MICROSECONDS_IN = {"us": 1, "ms": 1_000, "s": 1_000_000}


class Size(int):
    """Bytes; written as a number or with a K or M (1024 and 1024 * 1024)."""

    pattern = _SIZE.pattern
    largest = 1 << 32

    @classmethod
    def read(cls, value: Any) -> "Size":
        size = -1
        if isinstance(value, int) and not isinstance(value, bool):
            size = value
        elif isinstance(value, str) and (match := _SIZE.fullmatch(value)):
            size = int(match[1]) * _BYTES_IN[match[2]]
        if 0 <= size <= cls.largest:
            return cls(size)
        raise ValueError(f"expected a size like 512, 16K or 1M, at most 4096M, found {describe(value)}")


class Duration(int):
    """Microseconds; written with its unit: us, ms or s."""

    pattern = _DURATION.pattern

    @classmethod
    def read(cls, value: Any) -> "Duration":
        if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
            return cls(round(float(match[1]) * _MICROSECONDS_IN[match[2]]))
        raise ValueError(f"expected a duration like 16 us, 400 ms or 1.5 s, found {describe(value)}")


class Sectors(tuple[int, int]):
    """(count, size in bytes) of a run of equal sectors; written ``4*16K``."""

    __slots__ = ()
    pattern = _SECTORS.pattern

    @classmethod
    def read(cls, value: Any) -> "Sectors":
        if isinstance(value, str) and (match := _SECTORS.fullmatch(value)):
            run = cls((int(match[1]), Size.read(match[2])))
            if run[0] and run[1]:
                return run
        raise ValueError(f"expected sectors like 4*16K, found {describe(value)}")


class HexBytes(bytes):
    """Bytes; written in hexadecimal, e.g. ``FF AA``."""

    pattern = r"\s*([0-9A-Fa-f]{2}\s*)*"

    @classmethod
    def read(cls, value: Any) -> "HexBytes":
        if isinstance(value, str):
            try:
                return cls(bytes.fromhex(value))
            except ValueError:
                pass
        raise ValueError(f"expected bytes in hexadecimal like 'FF AA', found {describe(value)}")


def decode(kind: type, value: Any) -> Any:
    """msgspec's hook for the types above, and for any other that can ``read`` a value."""
    read = getattr(kind, "read", None)
    if read is None:
        raise NotImplementedError(kind)
    return read(value)
