"""A scenario's values in the words of its file."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from dfu_emulator.profile.scalars import Duration
from dfu_emulator.profile.spelling import spell_duration
from dfu_emulator.scenario.scalars import (
    JOB_NAMES,
    REQUEST_NAMES,
    Jobs,
    Numbers,
    Requests,
    StateName,
    States,
    StatusName,
    Times,
)
from dfu_protocol import State, Status

_HEXADECIMAL_FROM = 0x10000
"""Smaller numbers are those of blocks and sectors, larger ones addresses."""


def plain(value: Any) -> Any:
    """``value``, a scenario or anything in one, as a file could have it; without what is as by default."""
    match value:
        case msgspec.Struct():
            return {
                field.encode_name: plain(getattr(value, field.name))
                for field in msgspec.structs.fields(value)
                if not _is_default(field, getattr(value, field.name))
            }
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case Enum():
            return value.value
        case Requests() | States() | Jobs():
            names = names_in(value)
            return names if len(names) > 1 else names[0]
        case Numbers():
            return spell_numbers(value, "-")
        case Times():
            return "always" if value == Times.always else int(value)
        case Duration():
            return spell_duration(value)
        case StateName():
            return State(value).label
        case StatusName():
            return Status(value).label
        case float():
            return float(value)
        case tuple() | list():
            return [plain(item) for item in value]
    return value


def names_in(value: Requests | States | Jobs) -> list[str]:
    """Names of requests, states or jobs, in the order in which the standards have them."""
    if isinstance(value, States):
        return [State(state).label for state in sorted(value.items)]
    names: Mapping[str, Any] = REQUEST_NAMES if isinstance(value, Requests) else JOB_NAMES
    return [name for name, item in names.items() if item in value]


def spell_numbers(numbers: Numbers, between: str) -> str:
    """A number or, with ``between`` in the middle, two."""
    ends = numbers if numbers[0] != numbers[1] else numbers[:1]
    return between.join(map(spell_number, ends))


def spell_number(number: int) -> str:
    """Large ones, as addresses are, in hexadecimal."""
    return f"0x{number:08X}" if number >= _HEXADECIMAL_FROM else str(number)


def _is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return bool(value == field.default)
