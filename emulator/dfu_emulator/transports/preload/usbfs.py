"""usbfs, as far as libusb uses it: the ioctls of /dev/bus/usb/BBB/DDD, carried to a port.

Numbers and structures are those of linux/usbdevice_fs.h; what each does follows drivers/usb/core/devio.c.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.transports.preload.ioctl_server import ClientMemory
from dfu_emulator.usb_device import CONFIGURATION_VALUE
from dfu_protocol import SetupPacket, StandardRequest
from dfu_protocol.control import INTERFACE, SETUP_PACKET, VENDOR

_URB = Struct("@BBiIPiiiiiIP")
_URB_RESULT = Struct("@BBiIPii")
"""The part of an URB up to actual_length, which is what reaping changes."""
_INT = Struct("@I")
_POINTER = Struct("@P")
_INTERFACE_AND_ALTERNATE = Struct("@II")
_CONFIGURATION = Struct("@i")
_CONNECT_INFO = Struct("@IB3x")

_URB_TYPE_CONTROL = 2
_SPEED_FULL = 2
_UNCONFIGURED = -1
"""For the kernel the same as configuration 0."""
_LONGEST_NAP = 10_000
"""Microseconds that a reap may wait: libusb's own time-outs are only looked at in between."""
_PATIENCE = 5_000_000
"""Microseconds that the kernel waits for the answer to a request of its own (USB_CTRL_SET_TIMEOUT)."""


class Claims:
    """Which open file has claimed the interface of a device."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: object | None = None

    def claim(self, owner: object, interface: int) -> None:
        """Raises OSError: ENOENT for an interface that is none, EBUSY where another has it."""
        if interface:
            raise _error(errno.ENOENT)
        with self._lock:
            if self._owner not in (None, owner):
                raise _error(errno.EBUSY)
            self._owner = owner

    def release(self, owner: object) -> bool:
        """Give the interface back; False where ``owner`` did not have it."""
        with self._lock:
            if self._owner is not owner:
                return False
            self._owner = None
            return True


@dataclass(slots=True)
class _Urb:
    """A submitted URB: where it is, what it asks, and how it ends."""

    address: int
    fields: tuple[int, ...]
    """type, endpoint, status, flags, buffer, buffer_length"""
    setup: SetupPacket
    data: bytes
    sent: int
    """When it was submitted, in microseconds of the port's clock."""
    due: int = 0
    """When to look again, in microseconds of the port's clock."""
    done: bool = False
    """False while the chip is too busy to take it."""
    status: int = 0
    actual_length: int = 0
    received: bytes = b""


class UsbfsFile:
    """One open device node. ``address`` is the device's at the time it was opened."""

    def __init__(self, port: Port, claims: Claims, address: int) -> None:
        self._port = port
        self._claims = claims
        self._address = address
        self._urbs: deque[_Urb] = deque()
        self._ioctls: dict[int, Callable[[int, ClientMemory], int]] = {
            4: self._set_interface,
            5: self._set_configuration,
            8: self._no_driver,  # GETDRIVER
            10: self._submit,
            11: self._discard,
            12: self._reap,
            13: self._reap,
            15: self._claim,
            16: self._release,
            17: self._connect_info,
            18: self._no_driver,  # IOCTL: detach or attach a kernel driver
            20: self._reset,
            21: self._nothing,  # CLEAR_HALT
            26: self._capabilities,
            27: self._claim,  # DISCONNECT_CLAIM: the interface comes first there too
            31: self._speed,
        }

    def ioctl(self, request: int, argument: int, memory: ClientMemory) -> int:
        carry_out = self._ioctls.get(request & 0xFF)
        if request >> 8 & 0xFF != ord("U") or carry_out is None:
            raise _error(errno.ENOTTY)
        if carry_out not in (self._reap, self._discard):  # these bring back what was, device or not
            self._check_present()
        return carry_out(argument, memory)

    def close(self) -> None:
        self._claims.release(self)

    def _check_present(self) -> None:
        if not self._port.is_at(self._address):
            raise _error(errno.ENODEV)

    def _submit(self, argument: int, memory: ClientMemory) -> int:
        fields = _URB.unpack(memory.read(argument, _URB.size))
        kind, endpoint, _status, _flags, buffer, length = fields[:6]
        if kind != _URB_TYPE_CONTROL or endpoint & 0x7F:
            raise _error(errno.ENOENT)  # there is no other endpoint
        if length < SETUP_PACKET.size:
            raise _error(errno.EINVAL)
        # An OUT request needs all of the buffer; only the direction says so, and it is in the first byte.
        head = memory.read(buffer, SETUP_PACKET.size)
        setup = SetupPacket.parse(head)
        if setup.wLength > length - SETUP_PACKET.size:
            raise _error(errno.EINVAL)
        if setup.recipient == INTERFACE and setup.type != VENDOR:
            self._claims.claim(self, setup.wIndex & 0xFF)
        data = b""
        if setup.wLength and not setup.is_in:
            data = memory.read(buffer + SETUP_PACKET.size, setup.wLength)
        urb = _Urb(argument, fields[:6], setup, data, self._port.clock.now())
        self._advance(urb)
        self._urbs.append(urb)
        return 0

    def _advance(self, urb: _Urb) -> None:
        """Hand the request to the device, unless that is too busy to take it."""
        if held := self._port.silent_for():
            urb.due = self._port.clock.now() + held
            return
        urb.done, urb.due = True, 0
        try:
            reply = self._port.control(urb.setup, urb.data, self._address, urb.sent)
        except DeviceGone:
            urb.status = -errno.ESHUTDOWN
            return
        if reply.hold:
            urb.due = self._port.clock.now() + reply.hold
        if reply.data is None:
            urb.status = -errno.EPIPE
        elif urb.setup.is_in:
            urb.received, urb.actual_length = reply.data, len(reply.data)
        else:
            urb.actual_length = len(urb.data)

    def _reap(self, argument: int, memory: ClientMemory) -> int:
        if not self._urbs:
            self._check_present()
            raise _error(errno.EAGAIN)
        urb = self._urbs[0]
        while urb.due or not urb.done:
            self._nap_until(urb.due)
            if urb.done:
                break
            self._advance(urb)
        self._urbs.popleft()
        kind, endpoint, _status, flags, buffer, length = urb.fields
        if urb.received:
            memory.write(buffer + SETUP_PACKET.size, urb.received)
        result = _URB_RESULT.pack(kind, endpoint, urb.status, flags, buffer, length, urb.actual_length)
        memory.write(urb.address, result)
        memory.write(argument, _POINTER.pack(urb.address))
        return 0

    def _nap_until(self, due: int) -> None:
        """Raises EAGAIN where that is longer than a reap may wait."""
        clock = self._port.clock
        left = due - clock.now()
        if left > 0:
            clock.sleep(min(left, _LONGEST_NAP))
        if left > _LONGEST_NAP:
            raise _error(errno.EAGAIN)

    def _discard(self, argument: int, _memory: ClientMemory) -> int:
        for urb in self._urbs:
            if urb.address == argument:
                # What the device has done stays done, but the host does not hear of it.
                self._port.give_up(urb.setup, urb.sent, self._address, reached=urb.done)
                urb.done, urb.due, urb.status = True, 0, -errno.ENOENT
                urb.actual_length, urb.received = 0, b""
                return 0
        raise _error(errno.EINVAL)

    def _claim(self, argument: int, memory: ClientMemory) -> int:
        self._claims.claim(self, _read_int(argument, memory))
        return 0

    def _release(self, _argument: int, _memory: ClientMemory) -> int:
        if not self._claims.release(self):
            raise _error(errno.EINVAL)
        return 0

    def _set_interface(self, argument: int, memory: ClientMemory) -> int:
        interface, alternate = _INTERFACE_AND_ALTERNATE.unpack(
            memory.read(argument, _INTERFACE_AND_ALTERNATE.size)
        )
        self._claims.claim(self, interface)
        if alternate >= len(self._port.device.profile.alternates):
            raise _error(errno.EINVAL)  # the kernel knows from the descriptors, and does not ask
        return self._request(SetupPacket(0x01, StandardRequest.SET_INTERFACE, alternate, interface))

    def _set_configuration(self, argument: int, memory: ClientMemory) -> int:
        (value,) = _CONFIGURATION.unpack(memory.read(argument, _CONFIGURATION.size))
        if value not in (_UNCONFIGURED, 0, CONFIGURATION_VALUE):
            raise _error(errno.EINVAL)
        return self._request(SetupPacket(0x00, StandardRequest.SET_CONFIGURATION, max(value, 0)))

    def _request(self, setup: SetupPacket) -> int:
        """A request that the kernel makes for the program; a STALL is EPIPE, as from usb_set_interface."""
        clock = self._port.clock
        try:
            while held := self._port.silent_for():
                clock.sleep(held)
            reply = self._port.control(setup, b"", self._address)
        except DeviceGone:
            raise _error(errno.ENODEV) from None
        clock.sleep(min(reply.hold, _PATIENCE))
        if reply.hold > _PATIENCE:
            raise _error(errno.ETIMEDOUT)
        if reply.data is None:
            raise _error(errno.EPIPE)
        return 0

    def _reset(self, _argument: int, _memory: ClientMemory) -> int:
        try:
            self._port.reset_and_restore(self._address)
        except DeviceGone:
            raise _error(errno.ENODEV) from None
        return 0

    def _connect_info(self, argument: int, memory: ClientMemory) -> int:
        memory.write(argument, _CONNECT_INFO.pack(self._address, 0))
        return 0

    def _capabilities(self, argument: int, memory: ClientMemory) -> int:
        memory.write(argument, _INT.pack(0))
        return 0

    def _speed(self, _argument: int, _memory: ClientMemory) -> int:
        return _SPEED_FULL

    def _nothing(self, _argument: int, _memory: ClientMemory) -> int:
        return 0

    def _no_driver(self, _argument: int, _memory: ClientMemory) -> int:
        raise _error(errno.ENODATA)


def _read_int(argument: int, memory: ClientMemory) -> int:
    value: int = _INT.unpack(memory.read(argument, _INT.size))[0]
    return value


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
