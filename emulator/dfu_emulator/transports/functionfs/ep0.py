"""FunctionFS's ep0: events from the kernel, and answers to requests."""

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING

from dfu_protocol import SetupPacket

if TYPE_CHECKING:
    from functionfs import Endpoint0File

_EVENT = Struct("<8sB3x")


class EventType(IntEnum):
    """The events that matter to us (the kernel's include/uapi/linux/usb/functionfs.h)."""

    ENABLE = 2
    """SET_CONFIGURATION or SET_INTERFACE, not which."""
    DISABLE = 3
    """The bus was reset, or there is none any more."""
    SETUP = 4


_SETUP = int(EventType.SETUP)


class Ep0:
    """Endpoint 0 by way of ``file``, which does not wait for events.

    python-functionfs would bring the events too, but its way, by eventfd, AIO and ctypes, takes longer than
    everything else that a request needs here.
    """

    def __init__(self, file: "Endpoint0File") -> None:
        self._file = file

    def fetch(self) -> tuple[int, SetupPacket | None] | None:
        """The next event's type and, if it is SETUP, its packet; None if there is no event."""
        event = self._file.read(_EVENT.size)
        if not event:
            return None
        packet, kind = _EVENT.unpack(event)
        return kind, SetupPacket.parse(packet) if kind == _SETUP else None

    def receive(self, length: int) -> bytes:
        data: bytes | None = self._file.read(length)
        return data or b""  # None if the request is no more: what is answered to it is lost

    def send(self, data: bytes, _setup: SetupPacket) -> None:
        self._file.write(data)

    def acknowledge(self, setup: SetupPacket) -> None:
        if setup.is_in:
            self._file.write(b"")
        else:
            self._file.read(0)

    def stall(self, setup: SetupPacket) -> None:
        self._file.halt(setup.bmRequestType)
