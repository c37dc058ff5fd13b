"""The DfuSe protocol as a host speaks it (AN3156, DFU 1.1) over a Link.

Every public method may be called in whatever state the device is: it is brought to dfuIDLE first. They raise
RefusedError where the device refuses or fails, and what Link raises.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    HostError,
    RefusedError,
    StalledError,
    StillBusyError,
)
from dfu_host.link import REQUEST_TIMEOUT, Link
from dfu_host.plan import chunks
from dfu_protocol import (
    FIRST_DATA_BLOCK,
    Command,
    Erase,
    MassErase,
    ReadUnprotect,
    Request,
    SetAddress,
    State,
    Status,
    StatusReply,
)


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

_STALL_PAUSE = 0.02
_BUSY_PAUSE = 0.001
"""Seconds to wait at least after a stall, and after dfuDNBUSY; devices report 0 while they are busy, too."""

_RECOVERY_STEPS = 6
_BUSY = {State.DNBUSY, State.DNLOAD_SYNC}
_WAITING = {State.DNLOAD_SYNC, State.MANIFEST_SYNC}
_DONE = {State.DNLOAD_IDLE, State.DFU_IDLE}
_ABORTABLE = {State.DNLOAD_SYNC, State.DNLOAD_IDLE, State.MANIFEST_SYNC, State.UPLOAD_IDLE}
_COMMANDS_MAX = 64


def _ignore(_count: int) -> None:
    pass


class Session:
    """A conversation with one device, whose descriptor gives ``transfer_size`` as wTransferSize (bytes).

    ``sleep`` waits so many seconds; all the waiting that bwPollTimeout asks for goes through it.
    """

    def __init__(
        self, link: Link, transfer_size: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._link = link
        self._transfer_size = transfer_size
        self._sleep = sleep

    def select(self, alternate: int) -> None:
        """Choose the alternate setting, hence the memory, that what follows is about."""
        self._link.select(alternate)

    def state(self) -> State:
        """The state the device is in, unchanged by the question."""
        try:
            return self._link.get_state()
        except StalledError:
            return self.status().bState

    def status(self) -> StatusReply:
        """DFU_GETSTATUS, with as many further tries as the device stalls."""
        return self._get_status(REQUEST_TIMEOUT)

    def condition(self) -> tuple[State, Status | None]:
        """State and status as they are, for people to see.

        The status is None where asking for it would start the job that an earlier program has left waiting.
        """
        state = self.state()
        return state, None if state in _WAITING else self.status().bStatus

    def to_idle(self) -> None:
        """Bring the device to dfuIDLE, from whatever an earlier program or job left behind.

        Only dfuERROR is cleared with CLRSTATUS and only where the standard has an ABORT is it sent, because
        devices differ in what these do elsewhere. A device that stays busy gets two CLRSTATUS: on an
        STM32H743 the first ends in dfuERROR, which the second clears.
        """
        waited = 0.0
        for _ in range(_RECOVERY_STEPS):
            state = self.state()
            while state is State.DNBUSY and waited < MASS_ERASE.polling:
                waited += self._wait_after(self._get_status(MASS_ERASE.answer))
                state = self.state()
            if state is State.DFU_IDLE:
                return
            try:
                if state in _ABORTABLE:
                    self._link.abort()
                else:
                    self._link.clear_status()
            except StalledError:
                # The stall itself puts it in dfuERROR, which the next round clears.
                continue
        raise DeviceTimeoutError(
            f"the device stays in {state.label} and cannot be brought to dfuIDLE;"
            " restart it in its bootloader"
        )

    def commands(self) -> bytes:
        """The codes of the commands the device supports (AN3156: Get)."""
        self.to_idle()
        return self._upload("reading the supported commands", 0, min(_COMMANDS_MAX, self._transfer_size))

    def set_address(self, address: int) -> None:
        """Set the address pointer. The device is in dfuDNLOAD-IDLE afterwards."""
        self.to_idle()
        self._command(f"setting the address 0x{address:08x}", SetAddress(address), SHORT_JOB)

    def erase_page(self, address: int, size: int | None = None) -> None:
        """Erase the page or sector that holds ``address``; with ``size``, the one that begins there.

        Some ROMs never tell that an erase has ended (STM32H743, revision V, from 0x08100000 on). A page of
        known ``size`` is read then: it is erased if it is blank. StillBusyError where it is not, or where
        that cannot be known.
        """
        self.to_idle()
        try:
            self._command(f"erasing the page at 0x{address:08x}", Erase(address), PAGE_ERASE)
        except StillBusyError as error:
            if size is None:
                raise
            self._check_blank(address, size, error)

    def _check_blank(self, address: int, size: int, doubt: StillBusyError) -> None:
        try:
            data = b"".join(self.read(address, size))
        except RefusedError as error:
            raise StillBusyError(
                f"{doubt}. It may be erased, but that cannot be read ({error});"
                " if it is, write with --no-erase"
            ) from None
        if data not in (b"\xff" * size, bytes(size)):
            raise StillBusyError(
                f"{doubt}, and the page is not blank; it may be write protected by the option bytes"
            )

    def mass_erase(self) -> None:
        """Erase all of the flash."""
        self.to_idle()
        self._command("erasing the whole flash", MassErase(), MASS_ERASE)

    def read_unprotect(self) -> None:
        """Lift the read protection, which erases everything; then the device resets and leaves the bus."""
        self.to_idle()
        try:
            self._command("lifting the read protection", ReadUnprotect(), MASS_ERASE, may_reset=True)
        except DeviceResetError:
            # The sign of success: it cannot answer a second DFU_GETSTATUS.
            return

    def read(self, address: int, length: int) -> Iterator[bytes]:
        """``length`` bytes of memory from ``address`` on, in blocks of up to wTransferSize."""
        # A single byte is less than the ROM can send (AN2662: 2..2048 bytes).
        spare = 1 if length % self._transfer_size == 1 else 0
        end = address + length + spare
        pointer = None
        for chunk in chunks(address, length + spare, self._transfer_size):
            if chunk.pointer != pointer:
                self.set_address(chunk.pointer)
                self.to_idle()
                pointer = chunk.pointer
            what = f"reading {chunk.size} bytes at 0x{chunk.address:08x}"
            data = self._upload(what, chunk.block, chunk.size)
            if len(data) < chunk.size - (spare if chunk.address + chunk.size == end else 0):
                raise RefusedError(f"{what} gave only {len(data)} bytes", Request.UPLOAD, self.status())
            yield data[: address + length - chunk.address]
        self.to_idle()

    def write(self, address: int, data: bytes, advance: Callable[[int], None] = _ignore) -> None:
        """Program ``data`` from ``address`` on; ``advance`` is told the size of each block that is done.

        DeviceResetError where the device leaves the bus on it, as it does when option bytes are written.
        """
        pointer = None
        for chunk in chunks(address, len(data), self._transfer_size):
            if chunk.pointer != pointer:
                self.set_address(chunk.pointer)
                pointer = chunk.pointer
            start = chunk.address - address
            self._job(
                f"writing {chunk.size} bytes at 0x{chunk.address:08x}",
                chunk.block,
                data[start : start + chunk.size],
                SHORT_JOB,
                may_reset=True,
            )
            advance(chunk.size)

    def leave(self, address: int | None = None) -> None:
        """Start the application at ``address``, by default at the device's address pointer.

        The device leaves the bus; whether the application runs is beyond what the protocol tells.
        """
        self.to_idle()
        if address is not None:
            self.set_address(address)
        what = "leaving the bootloader"
        try:
            self._link.download(FIRST_DATA_BLOCK, b"")
        except StalledError as stall:
            raise self._refused(what, stall) from None
        try:
            reply = self.status()
        except HostError:
            # Most are gone before they answer, and every operating system has its own error for that.
            return
        if reply.bState is State.ERROR:
            raise RefusedError(f"{what} failed", Request.DNLOAD, reply)

    def _command(self, what: str, command: Command, patience: Patience, *, may_reset: bool = False) -> None:
        self._job(what, 0, command.build(), patience, may_reset=may_reset)

    def _job(
        self, what: str, block: int, data: bytes, patience: Patience, *, may_reset: bool = False
    ) -> None:
        """One DNLOAD, then DFU_GETSTATUS until the device has done it.

        DeviceResetError where it ``may_reset`` and leaves the bus once it has taken the data.
        """
        try:
            self._link.download(block, data)
        except StalledError as stall:
            raise self._refused(what, stall) from None
        waited = pause = 0.0
        while waited <= patience.polling:
            try:
                reply = self._get_status(patience.answer, pause)
            except DeviceGoneError as error:
                if may_reset:
                    raise DeviceResetError(f"{what}: {error}") from None
                raise
            pause = self._wait_after(reply)
            waited += pause
            if reply.bStatus is Status.OK and reply.bState in _DONE:
                return
            if reply.bState not in _BUSY:
                raise RefusedError(f"{what} failed", Request.DNLOAD, reply)
        with suppress(StalledError):
            self._link.clear_status()
        raise StillBusyError(f"{what}: the device is still busy after {waited:.0f} s")

    def _upload(self, what: str, block: int, length: int) -> bytes:
        try:
            return self._link.upload(block, length)
        except StalledError as stall:
            raise self._refused(what, stall) from None

    def _get_status(self, timeout: float, pause: float = 0) -> StatusReply:
        """DFU_GETSTATUS, tried again after ``pause`` seconds where a busy device stalls it."""
        for _ in range(STALLS_TOLERATED):
            try:
                return self._link.get_status(timeout)
            except StalledError:
                self._sleep(max(pause, _STALL_PAUSE))
        try:
            return self._link.get_status(timeout)
        except StalledError:
            raise HostError(
                f"DFU_GETSTATUS stalled {STALLS_TOLERATED + 1} times in a row;"
                " restart the device in its bootloader"
            ) from None

    def _wait_after(self, reply: StatusReply) -> float:
        """Wait as long as bwPollTimeout asks for; how many seconds that was."""
        seconds = max(reply.bwPollTimeout / 1000, _BUSY_PAUSE if reply.bState in _BUSY else 0)
        if seconds:
            self._sleep(seconds)
        return seconds

    def _refused(self, what: str, stall: StalledError) -> RefusedError:
        return RefusedError(f"{stall} while {what}", stall.request, self.status())
