"""What was read of one device, in the terms of a profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class SurveyError(Exception):
    """There is no device to be read, or none that a profile could be of; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was read of one device. What is not here was not read."""

    means: str
    """What it was read with."""
    alternates: tuple[str, ...]
    """iInterface of each alternate setting, from 0 on."""
    values: Mapping[str, Any]
    """The rest, by the keys that a profile has it under, as numbers, texts and tuples of them."""
    serial: str | None = None
    path: str | None = None
    """Where it was plugged in, ``BUS-PORT.PORT...``."""
    count: int | None = None
    """How many alternate settings there are, if that is known; ``alternates`` may be only the first."""
    notes: tuple[str, ...] = ()
    """What could not be read or concluded, in sentences."""

    @property
    def alternate_count(self) -> int:
        """How many alternate settings the device has, as far as is known."""
        return max(self.count or 0, len(self.alternates))


class _Choosable(Protocol):
    @property
    def serial(self) -> str | None: ...

    @property
    def path(self) -> str | None: ...


Device = TypeVar("Device", bound=_Choosable)


def choose(devices: Sequence[Device], serial: str | None = None, path: str | None = None) -> Device:
    """The one with this serial number and path, where given. SurveyError where it is not just one."""
    fitting = [
        device
        for device in devices
        if serial in (None, device.serial if serial else None) and path in (None, device.path)
    ]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(f"path {d.path or 'unknown'}, serial {d.serial or 'unknown'}" for d in devices)
    if fitting:
        raise SurveyError(f"there are {len(devices)} boards, choose one by --serial or --path: {listed}")
    raise SurveyError(f"no board has that serial number and path; there are: {listed}")
