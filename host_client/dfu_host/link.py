"""Steps to an open device by PyUSB, its errors turned into messages."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import usb.core
import usb.util

from dfu_host.errors import DeviceGoneError, DeviceTimeoutError, HostError, StalledError, UsageError
from dfu_protocol import Request, SetupPacket

_GONE = {errno.ENODEV, errno.EIO, errno.EPROTO, errno.ENOENT, errno.ESHUTDOWN, errno.ECONNRESET}
"""A device that drops off in the middle of a transfer gives any of these, by operating system and timing."""

_NOISE = {errno.EIO, errno.EPROTO}
"""So does one that is still there, behind a bad cable."""

PERMISSION_DENIED = (
    "permission denied: run the command as root, or install the udev rule that 'dfu-host udev-rule'"
    " prints, together with how to install it"
)


class Link:
    """One DFU interface of an open device: what a step asks for, done with PyUSB.

    ``control`` and ``select`` raise StalledError where the device stalls, DeviceGoneError where it is no
    longer there, DeviceTimeoutError where it does not answer, and HostError for anything else.
    """

    def __init__(self, device: usb.core.Device, configuration: int, interface: int) -> None:
        """Claim ``interface``. An unconfigured device is set to ``configuration`` first."""
        self._device = device
        self.interface = interface
        self._open = True
        with usb_errors("opening the device"):
            try:
                device.get_active_configuration()
            except usb.core.USBError:
                # PyUSB has no other sign of a device that is not configured yet.
                device.set_configuration(configuration)
            usb.util.claim_interface(device, interface)

    def close(self) -> None:
        """Give the device back. It may be gone already."""
        self._open = False
        usb.util.dispose_resources(self._device)

    def select(self, alternate: int) -> None:
        """SET_INTERFACE: choose an alternate setting."""
        self._check_open()
        with usb_errors(f"selecting alternate {alternate}"):
            self._device.set_interface_altsetting(self.interface, alternate)

    def control(self, setup: SetupPacket, data: bytes, timeout: float) -> bytes:
        """One DFU request: its answer, empty where ``data`` goes out. ``timeout`` is in seconds."""
        self._check_open()
        request = Request(setup.bRequest)
        with usb_errors(request.label):
            try:
                answer = self._device.ctrl_transfer(
                    setup.bmRequestType,
                    setup.bRequest,
                    setup.wValue,
                    setup.wIndex,
                    setup.wLength if setup.is_in else data,
                    timeout=int(timeout * 1000),
                )
            except usb.core.USBError as error:
                if error.errno == errno.EPIPE:
                    raise StalledError(request) from None
                raise
        return bytes(answer) if setup.is_in else b""

    def _check_open(self) -> None:
        """PyUSB would open it again without a word, and claim it from whoever has it now."""
        if not self._open:
            raise UsageError("the device has been closed: open it again")


@contextmanager
def usb_errors(doing: str) -> Iterator[None]:
    """Turn the errors of PyUSB inside the block into those of ``dfu_host.errors``."""
    try:
        yield
    except usb.core.NoBackendError:
        raise HostError(
            "libusb 1.0 was not found: install it (Debian and Ubuntu: libusb-1.0-0, Fedora: libusb1,"
            " macOS: brew install libusb)"
        ) from None
    except NotImplementedError:
        raise HostError(
            f"{doing}: libusb cannot use the driver that the operating system has for this device"
            " (Windows: install WinUSB for it, for example with Zadig)"
        ) from None
    except usb.core.USBTimeoutError:
        raise DeviceTimeoutError(
            f"{doing}: no answer from the device in time. If it is still erasing, try again in a minute"
        ) from None
    except usb.core.USBError as error:
        if error.errno in _GONE:
            gone = DeviceGoneError(f"{doing}: the device has left the bus ({error.strerror})")
            gone.transient = error.errno in _NOISE
            raise gone from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise HostError(f"{doing}: {PERMISSION_DENIED}") from None
        if error.errno == errno.EBUSY:
            raise HostError(f"{doing}: another program or driver is using the device") from None
        raise HostError(f"{doing}: {error.strerror or error}") from None
