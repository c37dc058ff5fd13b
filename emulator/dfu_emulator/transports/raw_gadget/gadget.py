"""Serves the device at one port on a USB device controller."""

import errno
from types import TracebackType

from dfu_emulator.bootloader import Departure
from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.transports import udc
from dfu_emulator.transports.raw_gadget.device_file import DeviceFile, EventType
from dfu_emulator.transports.udc import GadgetError
from dfu_emulator.transports.worker import Worker
from dfu_protocol import SetupPacket, StandardRequest

_GIVEN_UP = (errno.ECONNRESET, errno.EOVERFLOW, errno.EBUSY, errno.ESHUTDOWN, errno.EINTR)
"""The host wants the answer no more (it timed out, asked something else, reset the bus), or we stop."""
_STATUS_STAGE = 2_000
"""Microseconds that the status stage may take after the data were sent: only then the device leaves."""


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
            if self._file is None:
                if not self._port.attached:
                    self._worker.pause()
                    continue
                self._file = self._plug()
            try:
                self._serve_attachment(self._file)
            finally:
                self._file.close()
                self._file = None

    def _serve_attachment(self, file: DeviceFile) -> None:
        """Answer requests until the device leaves the bus."""
        address = self._port.address
        while not self._worker.stopping:
            try:
                event = file.fetch()
            except InterruptedError:
                continue
            try:
                if event.setup is not None:
                    if self._answer(file, event.setup, address) is not None:
                        self._port.clock.sleep(_STATUS_STAGE)
                        return
                elif event.type in (EventType.RESET, EventType.DISCONNECT):
                    self._port.reset(address)
            except DeviceGone:
                return

    def _answer(self, file: DeviceFile, setup: SetupPacket, address: int) -> Departure | None:
        try:
            return self._transfer(file, setup, address)
        except OSError as error:
            if error.errno not in _GIVEN_UP:
                raise
            return None

    def _transfer(self, file: DeviceFile, setup: SetupPacket, address: int) -> Departure | None:
        port = self._port
        data = b""
        read = False
        if setup.wLength and not setup.is_in:
            # A request that is stalled is stalled in its data stage: there is no way back after that.
            read = port.takes_data(setup)
            data = file.read(setup.wLength) if read else bytes(setup.wLength)
        reply = port.control(setup, data, address)
        if reply.hold:
            self._worker.sleep(port.clock, reply.hold)
        if read:
            return reply.departure
        if reply.data is None:
            file.stall()
        elif setup.is_in and setup.wLength:
            file.write(reply.data)
        else:
            if setup.bmRequestType == 0 and setup.bRequest == StandardRequest.SET_CONFIGURATION and setup.wValue:
                file.configure(port.device.profile.usb.configuration.bMaxPower)
            file.read(0)
        return reply.departure


__all__ = ["GadgetError", "RawGadget"]
