"""``--verbose``: each control transfer in words, with its result and how long it took."""

import errno
import time
from typing import Any

import usb.backend.libusb1
import usb.core

from dfu_host.cli.report import Report
from dfu_host.errors import HostError
from dfu_protocol import Request, SetupPacket, StandardRequest, State, StatusReply
from dfu_protocol.control import CLASS, STANDARD

_SHOWN = 16


class Tracing:
    """A PyUSB backend around ``backend`` (None: libusb) that reports what goes through it."""

    def __init__(self, backend: object | None, report: Report) -> None:
        self._backend = backend if backend is not None else usb.backend.libusb1.get_backend()
        if self._backend is None:
            raise HostError("libusb 1.0 was not found: --verbose needs it to watch the requests")
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        """PyUSB's contract: an array to fill or send, and a timeout; the number of bytes is returned."""
        data, _timeout = rest
        setup = SetupPacket(bmRequestType, bRequest, wValue, wIndex, len(data))
        count: int = self._watched(setup, data, "ctrl_transfer", dev_handle, *setup[:4], *rest)
        return count

    def set_configuration(self, dev_handle: Any, config_value: int) -> None:
        setup = SetupPacket(0x00, StandardRequest.SET_CONFIGURATION, config_value)
        self._watched(setup, b"", "set_configuration", dev_handle, config_value)

    def set_interface_altsetting(self, dev_handle: Any, intf: int, altsetting: int) -> None:
        setup = SetupPacket(0x01, StandardRequest.SET_INTERFACE, altsetting, intf)
        self._watched(setup, b"", "set_interface_altsetting", dev_handle, intf, altsetting)

    def _watched(self, setup: SetupPacket, data: Any, method: str, *arguments: Any) -> Any:
        """Call the backend's ``method`` and report: ``data`` is what is sent, or filled."""
        began = time.monotonic()
        outcome, received = "stalled", b""
        try:
            result = getattr(self._backend, method)(*arguments)
            outcome = "OK"
            if setup.is_in:
                received = bytes(data[:result])
            return result
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                outcome = str(error.strerror or error)
            raise
        finally:
            elapsed = (time.monotonic() - began) * 1000
            self._tell(setup, received if setup.is_in else bytes(data), outcome, elapsed)

    def _tell(self, setup: SetupPacket, data: bytes, outcome: str, elapsed: float) -> None:
        name = request_name(setup)
        meaning = _meaning(setup, data) if outcome == "OK" else ""
        words = [f"{name} wValue {setup.wValue:#06x} wIndex {setup.wIndex} wLength {setup.wLength}"]
        words += [f"{'<' if setup.is_in else '>'} {_spell(data)}"] if data else []
        words += [meaning] if meaning else []
        self._report.request(
            f"{', '.join(words)}: {outcome}, {elapsed:.1f} ms",
            {
                "request": name,
                **setup._asdict(),
                "data": data.hex(),
                "meaning": meaning,
                "outcome": outcome,
                "milliseconds": round(elapsed, 3),
            },
        )


def request_name(setup: SetupPacket) -> str:
    """``DFU_DNLOAD``, ``GET_DESCRIPTOR`` and so on; a number where the standards have no name."""
    names = {CLASS: Request, STANDARD: StandardRequest}.get(setup.type)
    try:
        named = names(setup.bRequest) if names else None
    except ValueError:
        named = None
    if isinstance(named, Request):
        return named.label
    return named.name if named is not None else f"request {setup.bmRequestType:#04x}/{setup.bRequest:#04x}"


def _meaning(setup: SetupPacket, data: bytes) -> str:
    if setup.type != CLASS:
        return ""
    try:
        if setup.bRequest == Request.GETSTATUS:
            reply = StatusReply.parse(data)
            return f"{reply.bState.label} {reply.bStatus.label} poll after {reply.bwPollTimeout} ms"
        if setup.bRequest == Request.GETSTATE:
            return State(data[0]).label
    except (ValueError, IndexError):
        pass
    return ""


def _spell(data: bytes) -> str:
    more = f" ... ({len(data)} bytes)" if len(data) > _SHOWN else ""
    return data[:_SHOWN].hex(" ") + more
