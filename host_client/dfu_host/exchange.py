"""States and jobs of DFU 1.1 as operations (see ``steps``): what commands and blocks are made of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from dfu_host import requests
from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    GarbledError,
    HostError,
    RefusedError,
    StalledError,
    StillBusyError,
    refused,
)
from dfu_host.steps import Operation, Select, T, Wait
from dfu_protocol import Command, Request, State, Status, StatusReply


class Patience(NamedTuple):
    """Seconds that one DFU_GETSTATUS may be held back, and that polling may go on in all."""

    answer: float
    polling: float


SHORT_JOB = Patience(answer=10, polling=10)
PAGE_ERASE = Patience(answer=20, polling=8)
"""The slowest sector in a data sheet takes 4 s; some STM32H743 would be polled for ever."""

MASS_ERASE = Patience(answer=60, polling=60)
"""The slowest mass erase in a data sheet takes 32 s; some devices report 100 ms for it all the same."""

STALLS_TOLERATED = 3
"""STM32L4 and F072 stall a DFU_GETSTATUS that comes while they are busy."""

TRIES = 3
_STALL_PAUSE = 0.02
"""Seconds to wait at least after a stall."""

_LEAST_PAUSE, _MOST_PAUSE, _SHARE = 0.001, 0.1, 8
"""Seconds between polls of a busy device that reports 0: an eighth of what has passed, in these bounds."""

_RECOVERY_STEPS = 6
_BUSY = {State.DNBUSY, State.DNLOAD_SYNC}
_WAITING = {State.DNLOAD_SYNC, State.MANIFEST_SYNC}
_ABORTABLE = {State.DNLOAD_SYNC, State.DNLOAD_IDLE, State.MANIFEST_SYNC, State.UPLOAD_IDLE}


class Exchange:
    """One device, whose descriptor gives ``transfer_size`` as wTransferSize (bytes), and its state."""

    def __init__(self, transfer_size: int, interface: int = 0) -> None:
        self.transfer_size = transfer_size
        self.interface = interface
        self.takes_commands = False
        """Whether the last job left it in dfuDNLOAD-IDLE, where the next one can follow at once."""
        self._waited = 0.0
        """Seconds, for the job at hand."""

    def select(self, alternate: int) -> Operation[None]:
        """Choose the alternate setting, hence the memory, that what follows is about."""

        def choose() -> Operation[None]:
            yield Select(alternate)

        self.takes_commands = False
        yield from again(choose)

    def state(self) -> Operation[State]:
        """The state the device is in, unchanged by the question."""
        try:
            return (yield from requests.get_state(self.interface))
        except StalledError:
            return (yield from self.status()).bState

    def status(self) -> Operation[StatusReply]:
        """DFU_GETSTATUS, with as many further tries as the device stalls."""
        return (yield from self._get_status(requests.REQUEST_TIMEOUT))

    def condition(self) -> Operation[tuple[State, Status | None]]:
        """State and status as they are, for people to see.

        The status is None where asking for it would start the job that an earlier program has left waiting.
        """
        state = yield from self.state()
        return state, None if state in _WAITING else (yield from self.status()).bStatus

    def to_idle(self) -> Operation[None]:
        """Bring the device to dfuIDLE, from whatever an earlier program or job left behind.

        Only dfuERROR is cleared with CLRSTATUS and only where the standard has an ABORT is it sent, because
        devices differ in what these do elsewhere. A device that stays busy, or does not take ABORT, gets two
        CLRSTATUS: on an STM32H743 the first ends in dfuERROR, which the second clears.
        """
        self.takes_commands = False
        state, trouble, aborts = State.ERROR, None, True
        self._waited = 0.0
        for _ in range(_RECOVERY_STEPS):
            try:
                state = yield from self.state()
                while state is State.DNBUSY and (left := MASS_ERASE.polling - self._waited) > 0:
                    reply = yield from self._get_status(MASS_ERASE.answer)
                    yield from self._wait_after(reply, _pause(self._waited), left)
                    state = yield from self.state()
                if state is State.DFU_IDLE:
                    return
                act = requests.abort if aborts and state in _ABORTABLE else requests.clear_status
                yield from act(self.interface)
            except StalledError:
                # The stall itself puts it in dfuERROR, which the next round clears; if it does not, the
                # other request may.
                trouble, aborts = None, not aborts
            except HostError as error:
                if not error.transient:
                    raise
                trouble = error
        raise trouble or DeviceTimeoutError(
            f"the device stays in {state.label} and cannot be brought to dfuIDLE;"
            " restart it in its bootloader"
        )

    def command(
        self, what: str, command: Command, patience: Patience, *, may_reset: bool = False
    ) -> Operation[None]:
        """A command of DfuSe; ``what`` it does, for errors. It fails as ``job`` does."""
        if not self.takes_commands:
            yield from self.to_idle()
        yield from self.job(what, 0, command.build(), patience, may_reset=may_reset)

    def job(
        self, what: str, block: int, data: bytes, patience: Patience, *, may_reset: bool = False
    ) -> Operation[None]:
        """One DNLOAD, then DFU_GETSTATUS until the device has done it.

        DeviceResetError where it ``may_reset`` and leaves the bus once it has taken the data.
        """
        self.takes_commands = False
        with _said_of(what):
            try:
                yield from requests.download(self.interface, block, data)
            except StalledError as stall:
                raise (yield from self.refusal(what, stall)) from None
            self._waited = least = pause = 0.0
            while True:
                try:
                    reply = yield from self._get_status(patience.answer, pause)
                except DeviceGoneError as error:
                    if may_reset:
                        reset = DeviceResetError(str(error))
                        reset.transient = error.transient
                        raise reset from None
                    raise
                waited = self._waited
                pause = yield from self._wait_after(reply, least, patience.polling - waited)
                # dfuIDLE is no end of a job: a reset of the bus before it was begun leads there, too.
                if reply.bStatus is Status.OK and reply.bState is State.DNLOAD_IDLE:
                    self.takes_commands = True
                    return
                if reply.bState not in _BUSY:
                    raise refused(f"{what} failed", Request.DNLOAD, reply)
                if waited >= patience.polling:
                    break
                least = _pause(self._waited)
            with suppress(StalledError, DeviceTimeoutError):
                yield from requests.clear_status(self.interface)
            raise StillBusyError(f"the device is still busy after {waited:.0f} s")

    def upload(self, what: str, block: int, length: int) -> Operation[bytes]:
        """One UPLOAD of up to ``length`` bytes; ``what`` it does, for errors."""
        with _said_of(what):
            try:
                return (yield from requests.upload(self.interface, block, length))
            except StalledError as stall:
                raise (yield from self.refusal(what, stall)) from None

    def refusal(self, what: str, stall: StalledError) -> Operation[RefusedError]:
        """The error for a stall, with the state and status that the device gives for it."""
        reply = yield from self.status()
        return refused(f"{stall} while {what}", stall.request, reply)

    def _get_status(self, timeout: float, pause: float = 0) -> Operation[StatusReply]:
        """DFU_GETSTATUS, tried again after ``pause`` seconds where a busy device stalls it."""
        for _ in range(STALLS_TOLERATED):
            try:
                return (yield from requests.get_status(self.interface, timeout))
            except StalledError:
                yield from self._wait(max(pause, _STALL_PAUSE))
        try:
            return (yield from requests.get_status(self.interface, timeout))
        except StalledError:
            raise DeviceTimeoutError(
                f"DFU_GETSTATUS stalled {STALLS_TOLERATED + 1} times in a row;"
                " restart the device in its bootloader"
            ) from None

    def _wait_after(self, reply: StatusReply, least: float, most: float) -> Operation[float]:
        """Wait as long as bwPollTimeout asks for, within these bounds; how many seconds that was."""
        seconds = reply.bwPollTimeout / 1000
        if reply.bState in _BUSY:
            seconds = max(seconds, least)
        seconds = max(min(seconds, most), 0)
        yield from self._wait(seconds)
        return seconds

    def _wait(self, seconds: float) -> Operation[None]:
        """Let so many seconds pass, and count them: there is no clock here."""
        if seconds:
            self._waited += seconds
            yield Wait(seconds)


def _pause(waited: float) -> float:
    """Seconds until a busy device is asked again, after so many."""
    return min(max(waited / _SHARE, _LEAST_PAUSE), _MOST_PAUSE)


@contextmanager
def _said_of(what: str) -> Iterator[None]:
    """Errors about one request tell what it was for; those of a refusal do so anyway."""
    try:
        yield
    except (DeviceTimeoutError, DeviceGoneError, GarbledError) as error:
        told = type(error)(f"{what}: {error}")
        told.transient = error.transient
        raise told from None


def again(attempt: Callable[[], Operation[T]]) -> Operation[T]:
    """Its result. While its failures are transient it is tried anew; in the end it fails as at first."""
    try:
        return (yield from attempt())
    except HostError as error:
        if not error.transient:
            raise
        first = error
    for _ in range(TRIES - 1):
        try:
            return (yield from attempt())
        except HostError as error:
            if not error.transient:
                raise
    raise first
