"""What can go wrong, each with the exit code it ends the command with and a message for people."""

from enum import IntEnum

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
    """Any failure that has a plain explanation; ``str()`` of it is the message to show."""

    exit_code = ExitCode.DEVICE


class UsageError(HostError):
    """What was asked for makes no sense for this device."""

    exit_code = ExitCode.USAGE


class NoDeviceError(HostError):
    """No device matches, or more than one does."""

    exit_code = ExitCode.NO_DEVICE


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
    """The memory reads back differently: from ``address`` on ``found`` instead of ``expected``."""

    exit_code = ExitCode.VERIFY

    def __init__(self, address: int, expected: bytes, found: bytes) -> None:
        super().__init__(
            f"verification failed at 0x{address:08x}: expected {expected.hex(' ')}, found {found.hex(' ')};"
            " the page may be write protected, or was not erased before"
        )
        self.address = address
        self.expected = expected
        self.found = found


class DeviceTimeoutError(HostError):
    """The device is there but does not answer, or does not finish what it does."""


class StillBusyError(DeviceTimeoutError):
    """The device says that it is busy, for longer than any job takes."""


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


_RESTART = "run the command again; if that does not help, restart the device in its bootloader"
_SEE_MAP = "'dfu-host info' shows the memory it offers"
_WRITE_PROTECTED = "the page may be write protected by the option bytes"
_NOT_ERASED = "erase it first, and keep data aligned (--align)"

_REMEDIES = {
    Status.TARGET: _SEE_MAP,
    Status.ADDRESS: _SEE_MAP,
    Status.WRITE: _WRITE_PROTECTED,
    Status.ERASE: _WRITE_PROTECTED,
    Status.CHECK_ERASED: _WRITE_PROTECTED,
    Status.PROG: _NOT_ERASED,
    Status.VERIFY: _NOT_ERASED,
    Status.VENDOR: "lift it with 'dfu-host erase --unprotect --yes', which erases the whole device",
    Status.UNKNOWN: _RESTART,
    Status.STALLEDPKT: _RESTART,
}
