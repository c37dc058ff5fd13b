"""The words of a scenario: requests, states, jobs, and numbers like ``5`` or ``5-9``."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from dfu_emulator.profile.wording import describe, hint
from dfu_emulator.timing import WorkKind
from dfu_protocol import Request, StandardRequest, State, Status
from dfu_protocol.control import CLASS, STANDARD

_NUMBER = r"(0x[0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9})"
_NUMBERS = re.compile(rf"{_NUMBER}(?: *- *{_NUMBER})?")

RequestKind = tuple[int, int]
"""Type field of bmRequestType, and bRequest."""

REQUEST_NAMES: Mapping[str, RequestKind] = {
    **{request.name: (CLASS, int(request)) for request in Request},
    **{request.name: (STANDARD, int(request)) for request in StandardRequest},
}
JOB_NAMES = {kind.value.replace("_", " "): kind for kind in WorkKind if kind is not WorkKind.MANIFEST}
_STATES = {state.label: state for state in State}
_STATUSES = {status.label: status for status in Status if status is not Status.OK}

Item = TypeVar("Item")


def _several(value: Any, names: Mapping[str, Item]) -> Iterable[Item]:
    """What a name, or a list of names, stands for."""
    if isinstance(value, list) and value:
        return [_one(name, names) for name in value]
    return [_one(value, names)]


def _one(name: Any, names: Mapping[str, Item]) -> Item:
    if isinstance(name, str) and name in names:
        return names[name]
    advice = hint(name, names) if isinstance(name, str) else f"one of {', '.join(names)}"
    raise ValueError(f"{describe(name)} is none of the names here; {advice}")


class _Names:
    """A set of things that a file names."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = frozenset(items)

    def __contains__(self, item: object) -> bool:
        return item in self.items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.items)})"


class Requests(_Names):
    """(type, bRequest) of each request; ``Requests.of(Request.UPLOAD)`` names DFU's."""

    @classmethod
    def of(cls, *requests: Request) -> "Requests":
        """DFU's requests."""
        return cls((CLASS, int(request)) for request in requests)

    @classmethod
    def read(cls, value: Any) -> "Requests":
        return cls(_several(value, REQUEST_NAMES))


class States(_Names):
    """States of the bootloader."""

    @classmethod
    def read(cls, value: Any) -> "States":
        return cls(_several(value, _STATES))


class Jobs(_Names):
    """Kinds of work, as DFU_GETSTATUS starts them."""

    @classmethod
    def read(cls, value: Any) -> "Jobs":
        return cls(_several(value, JOB_NAMES))

    def __repr__(self) -> str:
        return f"Jobs({sorted(kind.value for kind in self.items)})"


class Numbers(tuple[int, int]):
    """The first and the last of a run of numbers; written ``5`` or ``5-9``, or in hexadecimal."""

    __slots__ = ()

    @classmethod
    def read(cls, value: Any) -> "Numbers":
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
            return cls((value, value))
        if isinstance(value, str) and (match := _NUMBERS.fullmatch(value)):
            first = int(match[1], 0)
            last = int(match[2], 0) if match[2] else first
            if first <= last < 1 << 32:
                return cls((first, last))
        raise ValueError(
            "expected a number, or two like 5-9, the smaller first, hexadecimal ones with 0x;"
            f" found {describe(value)}"
        )

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self[0] <= number <= self[1]


class Times(int):
    """How often something happens: a number from 1, or ``always``."""

    always = 1 << 62

    @classmethod
    def read(cls, value: Any) -> "Times":
        if value == "always":
            return cls(cls.always)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000:
            return cls(value)
        raise ValueError(f"expected a number from 1 to 1000000, or always, found {describe(value)}")


class StateName(int):
    """A state that an earlier host may have left behind."""

    allowed: Collection[State] = (
        State.DFU_IDLE,
        State.DNLOAD_SYNC,
        State.DNBUSY,
        State.DNLOAD_IDLE,
        State.MANIFEST_SYNC,
        State.UPLOAD_IDLE,
        State.ERROR,
    )

    @classmethod
    def read(cls, value: Any) -> "StateName":
        return cls(_one(value, {state.label: state for state in cls.allowed}))


class StatusName(int):
    """An error's bStatus."""

    @classmethod
    def read(cls, value: Any) -> "StatusName":
        return cls(_one(value, _STATUSES))


class Probability(float):
    """Above 0, up to 1."""

    @classmethod
    def read(cls, value: Any) -> "Probability":
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
            return cls(value)
        raise ValueError(f"expected a number above 0, at most 1, found {describe(value)}")
