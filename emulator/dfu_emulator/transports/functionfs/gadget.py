"""Serves the device at one port as a composite gadget of the kernel."""

import errno
import select
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from dfu_emulator.bootloader import Departure
from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.profile import Profile
from dfu_emulator.transports import udc
from dfu_emulator.transports.functionfs import configfs
from dfu_emulator.transports.udc import GadgetError
from dfu_emulator.transports.worker import Worker
from dfu_protocol import SetupPacket

if TYPE_CHECKING:
    from dfu_emulator.transports.functionfs.function import DfuFunction

_MOST_ALTERNATES = 3
"""Kernels that take a DFU functional descriptor let hosts choose alternates 0 to 2 (MAX_ALT_SETTINGS in
f_fs.c); older ones only 0."""
_LOOK = 50
"""Milliseconds between two looks whether to stop or to come back."""
_STATUS_STAGE = 2_000
"""Microseconds that the status stage may take after the data were sent: only then the device leaves."""


class FunctionFsGadget:
    """Context manager: while it is open, the device at ``port`` is on the bus of a device controller.

    ``controller`` is a name in /sys/class/udc; without one dummy_hcd's is used, else the only one.
    ``notice`` then says what the kernel cannot show, and what to do about it; it is empty if nothing.
    Open it in the main thread (it uses a signal of its own). Raises GadgetError.
    """

    def __init__(self, port: Port, controller: str | None = None) -> None:
        self._port = port
        self._controller_name = controller
        self._worker = Worker(self._serve, "functionfs")
        self._stack = ExitStack()
        self._departure: Departure | None = None
        self.notice = ""

    def __enter__(self) -> "FunctionFsGadget":
        self._controller = udc.choose(self._controller_name)
        self._controller.require_free()
        configfs.remove_stale()
        with ExitStack() as stack:
            self._gadget = configfs.create(self._port.device)
            stack.callback(self._gadget.remove)
            self._function = self._offer()
            stack.callback(self._close_function)
            self._bound = self._port.attached
            if self._bound:
                self._gadget.bind(self._controller.name)
            self._worker.start()
            stack.callback(self._worker.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait(self, timeout: float | None = None) -> None:
        """Wait ``timeout`` seconds. Raises what ended the transport if it ends by itself."""
        self._worker.wait(timeout)

    def _offer(self) -> "DfuFunction":
        """Offer the kernel the function with all that kernels can show, then with less."""
        try:
            from dfu_emulator.transports.functionfs.function import DfuFunction
        except ImportError:
            raise GadgetError(
                "FunctionFS needs python-functionfs: pip install 'stm32-dfu-emulator[gadget]'"
            ) from None
        (path,) = self._gadget.mount_points()
        device = self._port.device
        for functional, most in ((True, _MOST_ALTERNATES), (False, 1)):
            alternates = min(len(device.profile.alternates), most)
            function = DfuFunction(
                path, device, alternates, functional, self._answer, self._enabled, self._disabled
            )
            try:
                function.__enter__()
            except OSError as error:
                function.close()
                if error.errno == errno.EINVAL and functional:
                    continue
                raise GadgetError(f"the kernel does not take the descriptors: {error.strerror}") from None
            self.notice = _notice(functional, alternates, device.profile)
            return function
        raise AssertionError("the last offer is taken or raises")

    def _close_function(self) -> None:
        if self._gadget.bound_to:
            self._gadget.unbind()
        self._function.close()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._function.eventfd, select.POLLIN)
        while not self._worker.stopping:
            if poll.poll(_LOOK):
                self._function.processEvents()
            if self._departure is not None:
                self._departure = None
                self._port.clock.sleep(_STATUS_STAGE)
                self._gadget.unbind()
                self._bound = False
            elif not self._bound and self._port.attached:
                self._gadget.bind(self._controller.name)
                self._bound = True

    def _enabled(self) -> None:
        with suppress(DeviceGone):
            self._port.configure()

    def _disabled(self) -> None:
        with suppress(DeviceGone):
            self._port.reset()

    def _answer(self, setup: SetupPacket) -> None:
        try:
            self._departure = self._transfer(setup)
        except DeviceGone:
            self._function.ep0.halt(setup.bmRequestType)
        except OSError as error:
            # The host wants the answer no more: it timed out, asked something else or reset the bus.
            if error.errno not in (errno.EIDRM, errno.ESRCH, errno.ESHUTDOWN, errno.EINTR, errno.ECONNRESET):
                raise

    def _transfer(self, setup: SetupPacket) -> Departure | None:
        port, ep0 = self._port, self._function.ep0
        data = b""
        read = False
        if setup.wLength and not setup.is_in:
            # A request that is stalled is stalled in its data stage: there is no way back after that.
            read = port.takes_data(setup)
            data = ep0.read(setup.wLength) if read else bytes(setup.wLength)
        reply = port.control(setup, data)
        if reply.hold:
            self._worker.sleep(port.clock, reply.hold)
        if reply.data is None:
            ep0.halt(setup.bmRequestType)
        elif setup.is_in:
            ep0.write(reply.data)
        elif not read:
            ep0.read(0)
        return reply.departure


def _notice(functional: bool, alternates: int, profile: Profile) -> str:
    missing, remedies = [], ["use raw-gadget, which shows all"]
    if not functional:
        missing.append("a DFU functional descriptor")
        remedies.append("or Linux 6.12, which shows more")
        remedies.append(f"or give dfu-util '-t {profile.dfu.wTransferSize}'")
    if alternates < len(profile.alternates):
        missing.append(f"alternate settings above {alternates - 1}")
    if not missing:
        return ""
    return f"this kernel's FunctionFS cannot show {' and '.join(missing)}: {', '.join(remedies)}"
