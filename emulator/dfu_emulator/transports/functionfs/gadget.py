"""Serves the device at one port as a composite gadget of the kernel."""

import errno
import select
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.profile import Profile
from dfu_emulator.transports import udc
from dfu_emulator.transports.endpoint0 import STATUS_STAGE, carry
from dfu_emulator.transports.functionfs import configfs
from dfu_emulator.transports.functionfs.ep0 import Ep0, EventType
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
_GIVEN_UP = (errno.EIDRM, errno.ESRCH, errno.ESHUTDOWN, errno.EINTR, errno.ECONNRESET, errno.EOVERFLOW)
"""The host wants the answer no more: it timed out, asked something else or reset the bus."""


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
        self._address = 0
        """The device's at the port while the gadget is on the bus."""
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
            if self._port.attached:
                self._bind()
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
        except OSError as error:
            raise GadgetError(
                f"python-functionfs needs libaio: sudo apt-get install libaio1 ({error})"
            ) from None
        device = self._port.device
        for functional, most in ((True, _MOST_ALTERNATES), (False, 1)):
            alternates = min(len(device.profile.alternates), most)
            function = DfuFunction(self._gadget.mount_point, device, alternates, functional)
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
        ep0 = Ep0(self._function.ep0)
        poll = select.poll()
        poll.register(self._function.ep0, select.POLLIN)
        while not self._worker.stopping:
            try:
                if poll.poll(_LOOK) and (event := ep0.fetch()):
                    self._handle(event, ep0)
            except OSError as error:
                if error.errno not in _GIVEN_UP:
                    raise
            if self._address and not self._port.is_at(self._address):
                self._port.clock.sleep(STATUS_STAGE)
                self._gadget.unbind()
                self._address = 0
            elif not self._address and self._port.attached:
                self._bind()
            if self._port.failure is not None:
                raise self._port.failure

    def _bind(self) -> None:
        self._gadget.bind(self._controller.name)
        self._address = self._port.address

    def _handle(self, event: tuple[int, SetupPacket | None], ep0: Ep0) -> None:
        kind, setup = event
        if setup is not None:
            try:
                carry(setup, ep0, self._port, self._worker, self._address)
            except DeviceGone:
                ep0.stall(setup)
        elif kind == EventType.ENABLE:
            self._port.configure()
        elif kind == EventType.DISABLE:
            with suppress(DeviceGone):
                self._port.reset(self._address)


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
