"""The DfuSe protocol as a host speaks it (AN3156, DFU 1.1), as operations (see ``steps``).

Each may be begun in whatever state the device is: it is brought to dfuIDLE first. They fail with RefusedError
where the device refuses or fails, and with what a Control fails with. What is safe to repeat is repeated.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from dfu_host import requests
from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    HostError,
    RefusedError,
    StalledError,
    StillBusyError,
    refused,
)
from dfu_host.plan import Chunk, chunks
from dfu_host.steps import Operation, Select, T, Wait
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

_TRIES = 3
_STALL_PAUSE = 0.02
_BUSY_PAUSE = 0.001
"""Seconds to wait at least after a stall, and after a second dfuDNBUSY: devices report 0 for that, too."""

_RECOVERY_STEPS = 6
_BUSY = {State.DNBUSY, State.DNLOAD_SYNC}
_WAITING = {State.DNLOAD_SYNC, State.MANIFEST_SYNC}
_DONE = {State.DNLOAD_IDLE, State.DFU_IDLE}
_ABORTABLE = {State.DNLOAD_SYNC, State.DNLOAD_IDLE, State.MANIFEST_SYNC, State.UPLOAD_IDLE}
_COMMANDS_MAX = 64


def ignore(_count: int) -> None:
    """Progress that nobody wants to know."""


class Conversation:
    """What can be said to one device, whose descriptor gives ``transfer_size`` as wTransferSize (bytes)."""

    def __init__(self, transfer_size: int, interface: int = 0) -> None:
        self.transfer_size = transfer_size
        self._interface = interface
        self._takes_commands = False
        """Whether the last job left it in dfuDNLOAD-IDLE, where the next one can follow at once."""

    def select(self, alternate: int) -> Operation[None]:
        """Choose the alternate setting, hence the memory, that what follows is about."""
        self._takes_commands = False
        yield Select(alternate)

    def state(self) -> Operation[State]:
        """The state the device is in, unchanged by the question."""
        try:
            return (yield from requests.get_state(self._interface))
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
        self._takes_commands = False
        waited, state, trouble, aborts = 0.0, State.ERROR, None, True
        for _ in range(_RECOVERY_STEPS):
            try:
                state = yield from self.state()
                while state is State.DNBUSY and waited < MASS_ERASE.polling:
                    reply = yield from self._get_status(MASS_ERASE.answer)
                    waited += yield from self._wait_after(reply, _BUSY_PAUSE, MASS_ERASE.polling - waited)
                    state = yield from self.state()
                if state is State.DFU_IDLE:
                    return
                act = requests.abort if aborts and state in _ABORTABLE else requests.clear_status
                yield from act(self._interface)
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

    def commands(self) -> Operation[bytes]:
        """The codes of the commands the device supports (AN3156: Get)."""

        def ask() -> Operation[bytes]:
            yield from self.to_idle()
            length = min(_COMMANDS_MAX, self.transfer_size)
            return (yield from self._upload("reading the supported commands", 0, length))

        return (yield from _again(ask))

    def set_address(self, address: int) -> Operation[None]:
        """Set the address pointer. The device is in dfuDNLOAD-IDLE afterwards."""
        yield from _again(lambda: self._set_address(address))

    def erase_page(self, address: int, size: int | None = None) -> Operation[None]:
        """Erase the page or sector that holds ``address``; with ``size``, the one that begins there.

        Some ROMs never tell that an erase has ended (STM32H743, revision V, from 0x08100000 on). A page of
        known ``size`` is read then: it is erased if it is blank. StillBusyError where it is not, or where
        that cannot be known.
        """
        what = f"erasing the page at 0x{address:08x}"
        try:
            yield from _again(lambda: self._command(what, Erase(address), PAGE_ERASE))
        except StillBusyError as error:
            if size is None:
                raise
            yield from self._check_blank(address, size, error)

    def _check_blank(self, address: int, size: int, doubt: StillBusyError) -> Operation[None]:
        try:
            data = yield from self.contents(address, size)
        except RefusedError as error:
            raise StillBusyError(
                f"{doubt}. It may be erased, but that cannot be read ({error});"
                " if it is, write with --no-erase"
            ) from None
        if data not in (b"\xff" * size, bytes(size)):
            raise StillBusyError(
                f"{doubt}, and the page is not blank; it may be write protected by the option bytes"
            )

    def mass_erase(self) -> Operation[None]:
        """Erase all of the flash."""
        yield from _again(lambda: self._command("erasing the whole flash", MassErase(), MASS_ERASE))

    def read_unprotect(self) -> Operation[None]:
        """Lift the read protection, which erases everything; then the device resets and leaves the bus."""
        with suppress(DeviceResetError):
            # That is the sign of success: it cannot answer a second DFU_GETSTATUS.
            yield from self._command(
                "lifting the read protection", ReadUnprotect(), MASS_ERASE, may_reset=True
            )

    def read(self, address: int, length: int, deliver: Callable[[bytes], None]) -> Operation[None]:
        """``length`` bytes of memory from ``address`` on, to ``deliver`` in blocks of up to wTransferSize."""
        # A single byte is less than the ROM can send (AN2662: 2..2048 bytes).
        spare = 1 if length % self.transfer_size == 1 else 0
        end = address + length + spare
        pointer = None
        for chunk in chunks(address, length + spare, self.transfer_size):
            optional = spare if chunk.address + chunk.size == end else 0

            def ask(chunk: Chunk = chunk, optional: int = optional) -> Operation[bytes]:
                nonlocal pointer
                before, pointer = pointer, None
                if chunk.pointer != before:
                    yield from self._set_address(chunk.pointer)
                    yield from self.to_idle()
                data = yield from self._read_chunk(chunk, chunk.size - optional)
                pointer = chunk.pointer
                return data

            data = yield from _again(ask)
            deliver(data[: address + length - chunk.address])
        yield from self.to_idle()

    def contents(self, address: int, length: int) -> Operation[bytes]:
        """The same in one piece."""
        blocks: list[bytes] = []
        yield from self.read(address, length, blocks.append)
        return b"".join(blocks)

    def contents_for_sure(self, address: int, length: int) -> Operation[bytes]:
        """The same, read until two answers in a row agree: for what is to be written back."""
        before = yield from self.contents(address, length)
        for _ in range(_TRIES):
            again = yield from self.contents(address, length)
            if again == before:
                return again
            before = again
        raise DeviceTimeoutError(
            f"{length} bytes at 0x{address:08x} read differently each time; try another cable or port"
        )

    def write(self, address: int, data: bytes, advance: Callable[[int], None] = ignore) -> Operation[None]:
        """Program ``data`` from ``address`` on; ``advance`` is told the size of each block that is done.

        A block whose outcome is not known is read back before it is repeated, because flash with ECC refuses
        a second write. DeviceResetError where the device leaves the bus on it, as it does when option bytes
        are written.
        """
        pointer = None
        for chunk in chunks(address, len(data), self.transfer_size):
            start = chunk.address - address
            part = data[start : start + chunk.size]
            for tries_left in reversed(range(_TRIES)):
                try:
                    if chunk.pointer != pointer or not self._takes_commands:
                        yield from self._set_address(chunk.pointer)
                        pointer = chunk.pointer
                    what = f"writing {chunk.size} bytes at 0x{chunk.address:08x}"
                    yield from self._job(what, chunk.block, part, SHORT_JOB, may_reset=True)
                    break
                except HostError as error:
                    pointer = None
                    if not error.transient:
                        raise
                    found = yield from self._found(chunk, error)
                    if found == part:
                        break
                    if not tries_left or found.strip(found[:1]):
                        raise
            advance(chunk.size)

    def _found(self, chunk: Chunk, doubt: HostError) -> Operation[bytes]:
        """What a write of unknown outcome has left; ``doubt`` where that cannot be read."""
        try:
            return (yield from self.contents(chunk.address, chunk.size))
        except DeviceGoneError:
            raise
        except HostError:
            raise doubt from None

    def leave(self, address: int | None = None) -> Operation[None]:
        """Start the application at ``address``, by default at the device's address pointer.

        The device leaves the bus; whether the application runs is beyond what the protocol tells.
        """
        yield from self.to_idle()
        if address is not None:
            yield from self.set_address(address)
        what = "leaving the bootloader"
        try:
            yield from requests.download(self._interface, FIRST_DATA_BLOCK, b"")
        except StalledError as stall:
            raise (yield from self._refused(what, stall)) from None
        for _ in range(_TRIES):
            try:
                reply = yield from self.status()
            except HostError as error:
                # Most are gone before they answer, and every operating system has its own error for that.
                if not error.transient:
                    return
            else:
                if reply.bState is State.ERROR:
                    raise refused(f"{what} failed", Request.DNLOAD, reply)
                return

    def _set_address(self, address: int) -> Operation[None]:
        yield from self._command(f"setting the address 0x{address:08x}", SetAddress(address), SHORT_JOB)

    def _command(
        self, what: str, command: Command, patience: Patience, *, may_reset: bool = False
    ) -> Operation[None]:
        if not self._takes_commands:
            yield from self.to_idle()
        yield from self._job(what, 0, command.build(), patience, may_reset=may_reset)

    def _job(
        self, what: str, block: int, data: bytes, patience: Patience, *, may_reset: bool = False
    ) -> Operation[None]:
        """One DNLOAD, then DFU_GETSTATUS until the device has done it.

        DeviceResetError where it ``may_reset`` and leaves the bus once it has taken the data.
        """
        self._takes_commands = False
        try:
            yield from requests.download(self._interface, block, data)
        except StalledError as stall:
            raise (yield from self._refused(what, stall)) from None
        waited = pause = least = 0.0
        while waited <= patience.polling:
            try:
                reply = yield from self._get_status(patience.answer, pause)
            except DeviceGoneError as error:
                if may_reset:
                    raise DeviceResetError(f"{what}: {error}") from None
                raise
            pause = yield from self._wait_after(reply, least, patience.polling - waited)
            waited, least = waited + pause, _BUSY_PAUSE
            if reply.bStatus is Status.OK and reply.bState in _DONE:
                self._takes_commands = True
                return
            if reply.bState not in _BUSY:
                raise refused(f"{what} failed", Request.DNLOAD, reply)
        with suppress(StalledError):
            yield from requests.clear_status(self._interface)
        raise StillBusyError(f"{what}: the device is still busy after {waited:.0f} s")

    def _read_chunk(self, chunk: Chunk, needed: int) -> Operation[bytes]:
        what = f"reading {chunk.size} bytes at 0x{chunk.address:08x}"
        data = yield from self._upload(what, chunk.block, chunk.size)
        if len(data) < needed:
            reply = yield from self.status()
            raise refused(f"{what} gave only {len(data)} bytes", Request.UPLOAD, reply)
        return data

    def _upload(self, what: str, block: int, length: int) -> Operation[bytes]:
        try:
            return (yield from requests.upload(self._interface, block, length))
        except StalledError as stall:
            raise (yield from self._refused(what, stall)) from None

    def _get_status(self, timeout: float, pause: float = 0) -> Operation[StatusReply]:
        """DFU_GETSTATUS, tried again after ``pause`` seconds where a busy device stalls it."""
        for _ in range(STALLS_TOLERATED):
            try:
                return (yield from requests.get_status(self._interface, timeout))
            except StalledError:
                yield Wait(max(pause, _STALL_PAUSE))
        try:
            return (yield from requests.get_status(self._interface, timeout))
        except StalledError:
            raise DeviceTimeoutError(
                f"DFU_GETSTATUS stalled {STALLS_TOLERATED + 1} times in a row;"
                " restart the device in its bootloader"
            ) from None

    def _wait_after(self, reply: StatusReply, least: float, most: float) -> Operation[float]:
        """Wait as long as bwPollTimeout asks for, within these bounds; how many seconds that was."""
        seconds = max(min(reply.bwPollTimeout / 1000, most), least if reply.bState in _BUSY else 0)
        if seconds:
            yield Wait(seconds)
        return seconds

    def _refused(self, what: str, stall: StalledError) -> Operation[RefusedError]:
        reply = yield from self.status()
        return refused(f"{stall} while {what}", stall.request, reply)


def _again(attempt: Callable[[], Operation[T]]) -> Operation[T]:
    """Its result. While its failures are transient it is tried anew; in the end it fails as at first."""
    try:
        return (yield from attempt())
    except HostError as error:
        if not error.transient:
            raise
        first = error
    for _ in range(_TRIES - 1):
        try:
            return (yield from attempt())
        except HostError as error:
            if not error.transient:
                raise
    raise first
