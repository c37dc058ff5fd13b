"""The DFU class requests to one interface of an open device, USB errors turned into messages."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import usb.core
import usb.util

from dfu_host.errors import DeviceGoneError, DeviceTimeoutError, HostError, StalledError
from dfu_protocol import ProtocolError, Request, SetupPacket, State, StatusReply

REQUEST_TIMEOUT = 5.0
"""Seconds for a request that the device answers at once."""

_GONE = {errno.ENODEV, errno.EIO, errno.EPROTO, errno.ENOENT, errno.ESHUTDOWN, errno.ECONNRESET}
"""A device that drops off in the middle of a transfer gives any of these, by operating system and timing."""

PERMISSION_DENIED = (
    "permission denied: run the command as root, or install the udev rule that 'dfu-emulator udev-rule'"
    " prints, together with how to install it"
)


class Link:
    """Requests of DFU 1.1 (table 3.2), one method each.

    Every method raises StalledError where the device stalls, DeviceGoneError where it is no longer there,
    DeviceTimeoutError where it does not answer, and HostError for anything else.
    """

    def __init__(self, device: usb.core.Device, configuration: int, interface: int) -> None:
        """Claim ``interface``. An unconfigured device is set to ``configuration`` first."""
        self._device = device
        self._interface = interface
        with usb_errors("opening the device"):
            try:
                device.get_active_configuration()
            except usb.core.USBError:
                # PyUSB has no other sign of a device that is not configured yet.
                device.set_configuration(configuration)
            usb.util.claim_interface(device, interface)

    def close(self) -> None:
        """Give the device back. It may be gone already."""
        usb.util.dispose_resources(self._device)

    def select(self, alternate: int) -> None:
        """SET_INTERFACE: choose an alternate setting."""
        with usb_errors(f"selecting alternate {alternate}"):
            self._device.set_interface_altsetting(self._interface, alternate)

    def download(self, block: int, data: bytes) -> None:
        """DFU_DNLOAD: ``data`` has up to wTransferSize bytes."""
        self._request(Request.DNLOAD, block, data)

    def upload(self, block: int, length: int) -> bytes:
        """DFU_UPLOAD: up to ``length`` bytes."""
        return self._request(Request.UPLOAD, block, length)

    def get_status(self, timeout: float = REQUEST_TIMEOUT) -> StatusReply:
        """DFU_GETSTATUS. Some devices hold the answer back until a job is done: ``timeout`` in seconds."""
        data = self._request(Request.GETSTATUS, 0, 6, timeout)
        try:
            return StatusReply.parse(data)
        except ProtocolError as error:
            raise HostError(f"the device does not speak DFU: {error}") from None

    def get_state(self) -> State:
        """DFU_GETSTATE: the one request that never changes the state."""
        data = self._request(Request.GETSTATE, 0, 1)
        try:
            return State(data[0])
        except (IndexError, ValueError):
            raise HostError(
                f"DFU_GETSTATE answered {data.hex() or 'nothing'}, which is no DFU state"
            ) from None

    def clear_status(self) -> None:
        """DFU_CLRSTATUS."""
        self._request(Request.CLRSTATUS, 0, b"")

    def abort(self) -> None:
        """DFU_ABORT."""
        self._request(Request.ABORT, 0, b"")

    def _request(
        self, request: Request, value: int, payload: bytes | int, timeout: float = REQUEST_TIMEOUT
    ) -> bytes:
        """One control transfer: ``payload`` is the data to send, or how many bytes to ask for."""
        length = payload if isinstance(payload, int) else len(payload)
        setup = SetupPacket.dfu(request, value, length, self._interface)
        with usb_errors(request.label):
            try:
                answer = self._device.ctrl_transfer(
                    setup.bmRequestType,
                    setup.bRequest,
                    setup.wValue,
                    setup.wIndex,
                    payload,
                    timeout=int(timeout * 1000),
                )
            except usb.core.USBError as error:
                if error.errno == errno.EPIPE:
                    raise StalledError(request) from None
                raise
        return bytes(answer) if setup.is_in else b""


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
            raise DeviceGoneError(f"{doing}: the device has left the bus ({error.strerror})") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise HostError(f"{doing}: {PERMISSION_DENIED}") from None
        if error.errno == errno.EBUSY:
            raise HostError(f"{doing}: another program or driver is using the device") from None
        raise HostError(f"{doing}: {error.strerror or error}") from None
