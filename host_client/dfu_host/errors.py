"""What can go wrong, each with the exit code it ends the command with and a message for people."""

from collections.abc import Sequence
from enum import IntEnum

from dfu_host.extents import Extent, spell
from dfu_host.ledger import Remains
from dfu_protocol import Request, State, Status, StatusReply


class ExitCode(IntEnum):
    """What ``dfu-host`` returns to the shell: the codes of sysexits.h, used as dfu-util uses them.

    A difference is 1, as for cmp and diff.
    """

    OK = 0
    VERIFY = 1
    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    CANNOT_CREATE = 73
    DEVICE = 74
    NO_DEVICE = 74
    INTERRUPTED = 130


class HostError(Exception):
    """Any failure that has a plain explanation; ``str()`` of it is the message to show.

    ``transient`` says whether the same may go well when it is tried again, ``lasting`` that it will not until
    something else is done. ``remains`` is what is on the chip now, where a write or an erase has been broken
    off.
    """

    exit_code = ExitCode.DEVICE
    transient: bool = False
    lasting: bool = False
    remains: Remains | None = None


class InterruptedJob(KeyboardInterrupt):
    """Ctrl-C in a write: the device is back in dfuIDLE, and ``remains`` is what is on the chip now."""

    def __init__(self, remains: Remains) -> None:
        super().__init__(str(remains))
        self.remains = remains


class UsageError(HostError):
    """What was asked for makes no sense for this device."""

    exit_code = ExitCode.USAGE


class NoDeviceError(HostError):
    """No device matches, or more than one does."""

    exit_code = ExitCode.NO_DEVICE


class StillThereError(HostError):
    """A device that was to leave the bus has not."""


class NeighbourError(UsageError):
    """Erasing the pages of the new data would lose other data in them, in each of ``extents``.

    ``remedy`` says how to choose what becomes of it.
    """

    def __init__(
        self,
        extents: Sequence[Extent],
        remedy: str = "preserve=True writes it back afterwards, preserve=False gives it up",
    ) -> None:
        super().__init__(
            f"the pages to erase hold other data at {spell(extents)}: {remedy}; nothing has been changed"
        )
        self.extents = tuple(extents)


class FileError(HostError):
    """A file is damaged, or does not fit the device."""

    exit_code = ExitCode.DATA


class InputError(FileError):
    """A file cannot be read at all."""

    exit_code = ExitCode.NO_INPUT


class OutputError(FileError):
    """A file cannot be written."""

    exit_code = ExitCode.CANNOT_CREATE


class VerifyError(HostError):
    """The memory reads back differently: from ``address`` on ``found`` instead of ``expected``.

    ``message`` is for those who did not write it before.
    """

    exit_code = ExitCode.VERIFY
    lasting = True

    def __init__(self, address: int, expected: bytes, found: bytes, message: str | None = None) -> None:
        super().__init__(
            message
            or f"verification failed at 0x{address:08x}: expected {expected.hex(' ')},"
            f" found {found.hex(' ')}; the page may be write protected, or was not erased before"
        )
        self.address = address
        self.expected = expected
        self.found = found


class NotErasedError(VerifyError):
    """The device said that it had erased the pages of ``extents``, and they are not blank."""

    def __init__(self, extents: Sequence[Extent], address: int, expected: bytes, found: bytes) -> None:
        message = (
            f"not erased, though the device says so: {spell(extents)}"
            f" (0x{address:08x} holds {found.hex(' ')}); {_WRITE_PROTECTED}"
        )
        super().__init__(address, expected, found, message)
        self.extents = tuple(extents)


class DeviceTimeoutError(HostError):
    """The device is there but does not answer, or does not finish what it does."""

    transient = True


class GarbledError(HostError):
    """An answer that is none in DFU."""

    transient = True


class StillBusyError(DeviceTimeoutError):
    """The device says that it is busy, for longer than any job takes."""

    transient = False


class DeviceGoneError(HostError):
    """The device has left the bus."""


class DeviceResetError(DeviceGoneError):
    """The device has left the bus while it carried out a job that it had accepted."""


class StalledError(HostError):
    """A request was answered with STALL. The session turns it into a RefusedError."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.label} stalled")
        self.request = request


class RefusedError(HostError):
    """The device refused ``request``, or failed at it: ``state`` and ``status`` are what it says."""

    def __init__(self, what: str, request: Request, reply: StatusReply) -> None:
        remedy = _REMEDIES.get(reply.bStatus)
        super().__init__(
            f"{what}: the device is in {reply.bState.label} ({reply.bStatus.label}: {reply.bStatus.meaning})"
            + (f"; {remedy}" if remedy else "")
        )
        self.request = request
        self.state: State = reply.bState
        self.status: Status = reply.bStatus
        self.transient = reply.bStatus not in _NOT_REPEATED
        self.lasting = reply.bStatus in _LASTING


class ReadProtectedError(RefusedError):
    """The chip is read protected (RDP level 1): it neither reads, nor writes, nor erases single pages."""


def refused(what: str, request: Request, reply: StatusReply) -> RefusedError:
    """The error for a request that was refused or failed, by the status that the device gives for it."""
    kind = ReadProtectedError if reply.bStatus is Status.VENDOR else RefusedError
    return kind(what, request, reply)


_NOT_REPEATED = {Status.TARGET, Status.ADDRESS, Status.VENDOR}
"""What trying again does not change."""

_LASTING = _NOT_REPEATED | {Status.WRITE, Status.ERASE, Status.CHECK_ERASED}
"""What it does not change either once it has been tried a few times."""

_RESTART = "run the command again; if that does not help, restart the device in its bootloader"
_SEE_MAP = "'dfu-host info' shows the memory it offers"
_WRITE_PROTECTED = (
    "the page may be write protected by the option bytes: 'dfu-host options show' tells,"
    " 'dfu-host options write' changes it"
)
_NOT_ERASED = "erase it first, and keep data aligned to flash words"

_REMEDIES = {
    Status.TARGET: _SEE_MAP,
    Status.ADDRESS: _SEE_MAP,
    Status.WRITE: _WRITE_PROTECTED,
    Status.ERASE: _WRITE_PROTECTED,
    Status.CHECK_ERASED: _WRITE_PROTECTED,
    Status.PROG: _NOT_ERASED,
    Status.VERIFY: _NOT_ERASED,
    Status.VENDOR: "lift it with 'dfu-host unprotect --yes', which erases the whole device",
    Status.UNKNOWN: _RESTART,
    Status.STALLEDPKT: _RESTART,
}
