"""In-process transport: a PyUSB backend, so that any PyUSB program runs unchanged against the device.

``usb.core.find(backend=Backend(port))``, or any other use of ``usb.core`` with that backend.
"""

import errno
from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import usb.backend
import usb.core
from construct import Container

from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.timing import Clock
from dfu_protocol import SetupPacket, StandardRequest
from dfu_protocol.descriptors import CONFIGURATION, DEVICE, DFU_FUNCTIONAL, INTERFACE

# What libusb returns for these, which some programs look at.
_LIBUSB_ERROR_NO_DEVICE, _LIBUSB_ERROR_TIMEOUT, _LIBUSB_ERROR_PIPE = -4, -7, -9
_SPEED_FULL = 2
_PATIENCE = 1000
"""Milliseconds, as libusb waits for the requests that it makes itself."""

_packet = lru_cache(maxsize=1024)(SetupPacket)
"""Hosts poll: most packets are one that has just been."""


class _Device:
    """A device as enumerated: one attachment to one port."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.address = port.address

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Device) and (self.port, self.address) == (other.port, other.address)

    def __hash__(self) -> int:
        return hash((self.port, self.address))


class Backend(usb.backend.IBackend):  # type: ignore[misc]
    """PyUSB backend whose bus has the devices of ``ports`` on it."""

    def __init__(self, *ports: Port) -> None:
        self._ports = ports

    def enumerate_devices(self) -> Iterator[_Device]:
        for port in self._ports:
            if port.attached:
                if not port.device.configuration:
                    port.configure()
                yield _Device(port)

    def get_parent(self, dev: _Device) -> None:
        return None

    def get_device_descriptor(self, dev: _Device) -> Container:
        descriptor = DEVICE.parse(dev.port.device.device_descriptor)
        number = self._ports.index(dev.port) + 1
        return Container(
            descriptor,
            bus=1,
            address=dev.address,
            port_number=number,
            port_numbers=(number,),
            speed=_SPEED_FULL,
        )

    def get_configuration_descriptor(self, dev: _Device, config: int) -> Container:
        if config:
            raise IndexError("the device has one configuration")
        whole = dev.port.device.configuration_descriptor
        return Container(CONFIGURATION.parse(whole), extra_descriptors=array("B"))

    def get_interface_descriptor(self, dev: _Device, intf: int, alt: int, config: int) -> Container:
        alternates = len(dev.port.device.profile.alternates)
        if intf or config or alt >= alternates:
            raise IndexError("the device has no such alternate setting")
        whole = dev.port.device.configuration_descriptor
        start = CONFIGURATION.sizeof() + alt * INTERFACE.sizeof()
        extra = whole[-DFU_FUNCTIONAL.sizeof() :] if alt == alternates - 1 else b""
        return Container(
            INTERFACE.parse(whole[start : start + INTERFACE.sizeof()]), extra_descriptors=array("B", extra)
        )

    def get_endpoint_descriptor(self, dev: _Device, ep: int, intf: int, alt: int, config: int) -> None:
        raise IndexError("a DFU interface has no endpoints")

    def open_device(self, dev: _Device) -> _Device:
        if not dev.port.is_at(dev.address):
            raise _gone()
        return dev

    def close_device(self, dev_handle: _Device) -> None:
        """Nothing is held."""

    def set_configuration(self, dev_handle: _Device, config_value: int) -> None:
        self.ctrl_transfer(
            dev_handle, 0x00, StandardRequest.SET_CONFIGURATION, config_value, 0, array("B"), _PATIENCE
        )

    def get_configuration(self, dev_handle: _Device) -> int:
        answer = array("B", [0])
        self.ctrl_transfer(dev_handle, 0x80, StandardRequest.GET_CONFIGURATION, 0, 0, answer, _PATIENCE)
        return answer[0]

    def set_interface_altsetting(self, dev_handle: _Device, intf: int, altsetting: int) -> None:
        self.ctrl_transfer(
            dev_handle, 0x01, StandardRequest.SET_INTERFACE, altsetting, intf, array("B"), _PATIENCE
        )

    def claim_interface(self, dev_handle: _Device, intf: int) -> None:
        """Nobody else could have it."""

    def release_interface(self, dev_handle: _Device, intf: int) -> None:
        """Nobody else could want it."""

    def ctrl_transfer(
        self,
        dev_handle: _Device,
        bmRequestType: int,
        bRequest: int,
        wValue: int,
        wIndex: int,
        data: Any,
        timeout: int,
    ) -> int:
        """PyUSB's contract: ``data`` is an array, filled or sent; the number of bytes is returned."""
        port = dev_handle.port
        setup = _packet(bmRequestType, bRequest, wValue, wIndex, len(data))
        is_in = bmRequestType >= 0x80
        patience = timeout * 1000 or None
        sent, reply = port.clock.now(), None
        try:
            while held := port.silent_for():
                patience = _wait(port.clock, held, patience)
            reply = port.control(setup, b"" if is_in else data.tobytes(), dev_handle.address, sent)
            if reply.hold:
                _wait(port.clock, reply.hold, patience)
        except DeviceGone:
            raise _gone() from None
        except usb.core.USBTimeoutError:
            port.give_up(setup, sent, dev_handle.address, reached=reply is not None)
            raise
        received = reply.data
        if received is None:
            raise usb.core.USBError("Pipe error", _LIBUSB_ERROR_PIPE, errno.EPIPE)
        if not is_in:
            return len(data)
        memoryview(data)[: len(received)] = received
        return len(received)

    def reset_device(self, dev_handle: _Device) -> None:
        try:
            dev_handle.port.reset_and_restore(dev_handle.address)
        except DeviceGone:
            raise _gone() from None

    def clear_halt(self, dev_handle: _Device, ep: int) -> None:
        """Control endpoints recover by themselves."""

    def is_kernel_driver_active(self, dev_handle: _Device, intf: int) -> bool:
        return False

    def detach_kernel_driver(self, dev_handle: _Device, intf: int) -> None:
        """No kernel is involved."""

    def attach_kernel_driver(self, dev_handle: _Device, intf: int) -> None:
        """No kernel is involved."""


def _wait(clock: Clock, duration: int, patience: int | None) -> int | None:
    """Let ``duration`` microseconds pass; what is left of ``patience``, which None is without end."""
    if patience is None:
        clock.sleep(duration)
        return None
    clock.sleep(min(duration, patience))
    if duration > patience:
        raise usb.core.USBTimeoutError("Operation timed out", _LIBUSB_ERROR_TIMEOUT, errno.ETIMEDOUT)
    return patience - duration


def _gone() -> usb.core.USBError:
    return usb.core.USBError(
        "No such device (it may have been disconnected)", _LIBUSB_ERROR_NO_DEVICE, errno.ENODEV
    )
