"""Serves the device at one port on a USB device controller."""

import errno
from types import TracebackType

from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.transports import udc
from dfu_emulator.transports.endpoint0 import STATUS_STAGE, carry
from dfu_emulator.transports.raw_gadget.device_file import DeviceFile, EventType
from dfu_emulator.transports.worker import Worker
from dfu_protocol import SetupPacket, StandardRequest

_GIVEN_UP = (errno.ECONNRESET, errno.EOVERFLOW, errno.EBUSY, errno.ESHUTDOWN, errno.EINTR)
"""The host wants the answer no more (it timed out, asked something else, reset the bus), or we stop."""


class RawGadget:
    """Context manager: while it is open, the device at ``port`` is on the bus of a device controller.

    ``controller`` is a name in /sys/class/udc; without one dummy_hcd's is used, else the only one.
    Open it in the main thread (it uses a signal of its own). Raises GadgetError.
    """

    def __init__(self, port: Port, controller: str | None = None) -> None:
        self._port = port
        self._controller_name = controller
        self._worker = Worker(self._serve, "raw-gadget")

    def __enter__(self) -> "RawGadget":
        self._controller = udc.choose(self._controller_name)
        self._file: DeviceFile | None = None
        if self._port.attached:
            self._file = self._plug()
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.stop()
        if self._file is not None:
            self._file.close()

    def wait(self, timeout: float | None = None) -> None:
        """Wait ``timeout`` seconds. Raises what ended the transport if it ends by itself."""
        self._worker.wait(timeout)

    def _plug(self) -> DeviceFile:
        file = DeviceFile()
        try:
            file.run(self._controller)
        except BaseException:
            file.close()
            raise
        return file

    def _serve(self) -> None:
        while not self._worker.stopping:
            if self._port.failure is not None:
                raise self._port.failure
            if self._file is None:
                if not self._port.attached:
                    self._worker.pause()
                    continue
                self._file = self._plug()
            try:
                self._serve_attachment(self._file, self._port.address)
            finally:
                self._file.close()
                self._file = None

    def _serve_attachment(self, file: DeviceFile, address: int) -> None:
        """Answer requests until the device leaves the bus."""
        endpoint = _Endpoint0(file, self._port)
        while not self._worker.stopping and self._port.is_at(address):
            try:
                kind, setup = file.fetch()
            except InterruptedError:
                continue
            try:
                if setup is not None:
                    carry(setup, endpoint, self._port, self._worker, address)
                elif kind in (EventType.RESET, EventType.DISCONNECT):
                    self._port.reset(address)
            except DeviceGone:
                return
            except OSError as error:
                if error.errno not in _GIVEN_UP:
                    raise
        self._port.clock.sleep(STATUS_STAGE)


class _Endpoint0:
    """Endpoint 0 by way of ``file``."""

    def __init__(self, file: DeviceFile, port: Port) -> None:
        self._file = file
        self._max_power = port.device.profile.usb.configuration.bMaxPower
        self.receive = file.read

    def send(self, data: bytes, setup: SetupPacket) -> None:
        # Only a short answer has an end to mark: of a full one, dummy_hcd would wait for ever to send more.
        self._file.write(data, empty_packet=len(data) < setup.wLength)

    def acknowledge(self, setup: SetupPacket) -> None:
        if setup[:2] == (0x00, StandardRequest.SET_CONFIGURATION) and setup.wValue:
            self._file.configure(self._max_power)
        self._file.read(0)

    def stall(self, _setup: SetupPacket) -> None:
        self._file.stall()
