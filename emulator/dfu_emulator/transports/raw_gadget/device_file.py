"""/dev/raw-gadget: its ioctls (the kernel's include/uapi/linux/usb/raw_gadget.h)."""

import errno
import fcntl
import os
from enum import IntEnum
from pathlib import Path
from struct import Struct

from dfu_emulator.transports.udc import Controller, GadgetError
from dfu_protocol import SetupPacket
from dfu_protocol.control import SETUP_PACKET

_DEVICE = Path("/dev/raw-gadget")
_INIT = Struct("128s128sB")
_EVENT = Struct("II")
_IO = Struct("HHI")
_FULL_SPEED = 2
_ZERO_PACKET = 1


def _number(direction: int, number: int, size: int = 0) -> int:
    return direction << 30 | size << 16 | ord("U") << 8 | number


_NONE, _WRITE, _READ = 0, 1, 2
_INIT_NUMBER = _number(_WRITE, 0, _INIT.size)
_RUN = _number(_NONE, 1)
_EVENT_FETCH = _number(_READ, 2, _EVENT.size)
_EP0_WRITE = _number(_WRITE, 3, _IO.size)
_EP0_READ = _number(_READ | _WRITE, 4, _IO.size)
_CONFIGURE = _number(_NONE, 9)
_VBUS_DRAW = _number(_WRITE, 10, 4)
_EP0_STALL = _number(_NONE, 12)


class EventType(IntEnum):
    """What the kernel tells; kernels before 6.6 tell CONNECT and CONTROL only."""

    CONNECT = 1
    CONTROL = 2
    SUSPEND = 3
    RESUME = 4
    RESET = 5
    DISCONNECT = 6


_CONTROL = int(EventType.CONTROL)


class DeviceFile:
    """An open /dev/raw-gadget. A gadget is on the bus from ``run`` to ``close``.

    Every ioctl may wait for the host; a signal to the thread ends the wait with InterruptedError.
    Buffers are mutable throughout: Python holds its lock during an ioctl with any other.
    """

    def __init__(self) -> None:
        """Raises GadgetError."""
        try:
            self._file = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise GadgetError(
                f"{_DEVICE} is missing: 'sudo modprobe raw_gadget'; where the kernel does not come with "
                "that module, as Debian's, build it with tools/build_raw_gadget.sh"
            ) from None
        except PermissionError:
            raise GadgetError(f"{_DEVICE} cannot be opened: run this as root") from None

    def run(self, controller: Controller) -> None:
        """Connect to the bus at full speed. Raises GadgetError."""
        kind, name = controller.kind.encode(), controller.name.encode()
        try:
            fcntl.ioctl(self._file, _INIT_NUMBER, bytearray(_INIT.pack(kind, name, _FULL_SPEED)))
            fcntl.ioctl(self._file, _RUN, 0)
        except OSError as error:
            if error.errno == errno.EBUSY:
                controller.require_free()
            raise GadgetError(f"raw_gadget cannot use {controller.name}: {error.strerror}") from None

    def fetch(self) -> tuple[int, SetupPacket | None]:
        """Wait for the next event: its type and, if it is CONTROL, the packet."""
        event = bytearray(_EVENT.size + SETUP_PACKET.size)
        _EVENT.pack_into(event, 0, 0, SETUP_PACKET.size)
        fcntl.ioctl(self._file, _EVENT_FETCH, event)
        kind, _length = _EVENT.unpack_from(event)
        return kind, SetupPacket.parse(event[_EVENT.size :]) if kind == _CONTROL else None

    def write(self, data: bytes, empty_packet: bool) -> None:
        """Send the data stage of an IN request, with an ``empty_packet`` at its end if packets are full."""
        buffer = bytearray(_IO.pack(0, _ZERO_PACKET if empty_packet else 0, len(data)))
        buffer += data
        fcntl.ioctl(self._file, _EP0_WRITE, buffer)

    def read(self, length: int) -> bytes:
        """Receive the data stage of an OUT request, or with length 0 acknowledge one without data."""
        buffer = bytearray(_IO.size + length)
        _IO.pack_into(buffer, 0, 0, 0, length)
        received = fcntl.ioctl(self._file, _EP0_READ, buffer)
        return bytes(buffer[_IO.size : _IO.size + received])

    def stall(self) -> None:
        """Stall the request."""
        fcntl.ioctl(self._file, _EP0_STALL, 0)

    def configure(self, max_power: int) -> None:
        """Tell the controller that the device is configured and may draw ``max_power`` (in 2 mA)."""
        fcntl.ioctl(self._file, _VBUS_DRAW, max_power)
        fcntl.ioctl(self._file, _CONFIGURE, 0)

    def close(self) -> None:
        """Leave the bus."""
        os.close(self._file)
