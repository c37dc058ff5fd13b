"""The DfuSe protocol as a host speaks it (AN3156, DFU 1.1), as operations (see ``steps``).

Each may be begun in whatever state the device is: it is brought to dfuIDLE first. They fail with RefusedError
where the device refuses or fails, and with what a Control fails with. What is safe to repeat is repeated.
"""

from collections.abc import Callable

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
from dfu_host.exchange import MASS_ERASE, PAGE_ERASE, SHORT_JOB, TRIES, Exchange, again
from dfu_host.plan import Chunk, chunks, erased_byte
from dfu_host.steps import Operation, Wait
from dfu_protocol import FIRST_DATA_BLOCK, Erase, MassErase, ReadUnprotect, Request, SetAddress, State

_COMMANDS_MAX = 64

_ERASED_A_SECOND = 64 * 1024
"""Bytes, as data sheets have it for typical large sectors."""


def ignore(_count: int) -> None:
    """Progress that nobody wants to know."""


class Conversation(Exchange):
    """What can be said to one device, whose descriptor gives ``transfer_size`` as wTransferSize (bytes)."""

    def __init__(self, transfer_size: int, interface: int = 0) -> None:
        super().__init__(transfer_size, interface)
        self._hides_ends = False
        """Whether an erase has ended without its telling so."""

    def commands(self) -> Operation[bytes]:
        """The codes of the commands the device supports (AN3156: Get)."""

        def ask() -> Operation[bytes]:
            yield from self.to_idle()
            length = min(_COMMANDS_MAX, self.transfer_size)
            return (yield from self.upload("reading the supported commands", 0, length))

        return (yield from again(ask))

    def set_address(self, address: int) -> Operation[None]:
        """Set the address pointer. The device is in dfuDNLOAD-IDLE afterwards."""
        yield from again(lambda: self._set_address(address))

    def erase_page(self, address: int, size: int | None = None) -> Operation[None]:
        """Erase the page or sector that holds ``address``; with ``size``, the one that begins there.

        Some ROMs never tell that an erase has ended (STM32H743, revision V, from 0x08100000 on). A page of
        known ``size`` is read then: it is erased if it is blank. StillBusyError where it is not, or where
        that cannot be known. Once that has happened, the next such page is read after the time that a page
        of its size takes, and again until the slowest would be done.
        """
        what = f"erasing the page at 0x{address:08x}"
        patience = PAGE_ERASE
        if size is not None and self._hides_ends:
            patience = patience._replace(polling=min(size / _ERASED_A_SECOND, patience.polling))
        try:
            yield from again(lambda: self.command(what, Erase(address), patience))
        except StillBusyError:
            if size is None:
                raise
            yield from self._until_blank(what, address, size, patience.polling)
            self._hides_ends = True

    def _until_blank(self, what: str, address: int, size: int, waited: float) -> Operation[None]:
        """Read a page until it is blank, or its erase has had all the time there is, ``waited`` included."""
        while doubt := (yield from self._doubt(address, size)):
            if waited >= PAGE_ERASE.polling:
                busy = StillBusyError(
                    f"{what}: the device is still busy after {PAGE_ERASE.polling:.0f} s{doubt}"
                )
                busy.lasting = True
                raise busy
            more = min(waited, PAGE_ERASE.polling - waited)
            yield Wait(more)
            waited += more

    def _doubt(self, address: int, size: int) -> Operation[str]:
        """Why a page may not be erased; nothing where it is blank."""
        try:
            data = yield from self.contents(address, size)
        except RefusedError as error:
            return (
                f". It may be erased, but that cannot be read ({error});"
                " if it is, write with --no-erase (EraseMode.NONE)"
            )
        if data != bytes([erased_byte(size)]) * size:
            return ", and the page is not blank; it may be write protected by the option bytes"
        return ""

    def mass_erase(self) -> Operation[None]:
        """Erase all of the flash."""
        yield from again(lambda: self.command("erasing the whole flash", MassErase(), MASS_ERASE))

    def read_unprotect(self) -> Operation[None]:
        """Lift the read protection, which erases everything; then the device resets and leaves the bus."""

        def lift() -> Operation[None]:
            try:
                yield from self.command(
                    "lifting the read protection", ReadUnprotect(), MASS_ERASE, may_reset=True
                )
            except DeviceResetError as error:
                # That is the sign of success: it cannot answer a second DFU_GETSTATUS.
                if error.transient and (yield from self._is_there()):
                    raise

        yield from again(lift)

    def _is_there(self) -> Operation[bool]:
        """Whether the device has not left the bus, as a bad cable makes it seem."""
        try:
            yield from self.to_idle()
        except HostError:
            return False
        return True

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

            data = yield from again(ask)
            deliver(data[: address + length - chunk.address])
        yield from self.to_idle()

    def contents(
        self, address: int, length: int, advance: Callable[[int], None] = ignore
    ) -> Operation[bytes]:
        """The same in one piece; ``advance`` is told the size of each block that has come."""
        blocks: list[bytes] = []

        def deliver(block: bytes) -> None:
            blocks.append(block)
            advance(len(block))

        yield from self.read(address, length, deliver)
        return b"".join(blocks)

    def contents_for_sure(
        self, address: int, length: int, advance: Callable[[int], None] = ignore
    ) -> Operation[bytes]:
        """The same, each block read until two answers in a row agree: for what is to be written back.

        ``advance`` is told each block twice.
        """
        before = yield from self.contents(address, length, advance)
        after = yield from self.contents(address, length, advance)
        blocks: list[bytes] = []
        for start in range(0, length, self.transfer_size):
            part = slice(start, start + self.transfer_size)
            blocks.append((yield from self._agreed(address + start, before[part], after[part])))
        return b"".join(blocks)

    def _agreed(self, address: int, before: bytes, after: bytes) -> Operation[bytes]:
        """What is read there as it was the time before, of a block that was read as these."""
        for _ in range(TRIES - 1):
            if after == before:
                return after
            before, after = after, (yield from self.contents(address, len(after)))
        if after == before:
            return after
        raise DeviceTimeoutError(
            f"{len(after)} bytes at 0x{address:08x} read differently each time; try another cable or port"
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
            for tries_left in reversed(range(TRIES)):
                try:
                    if chunk.pointer != pointer or not self.takes_commands:
                        yield from self._set_address(chunk.pointer)
                        pointer = chunk.pointer
                    what = f"writing {chunk.size} bytes at 0x{chunk.address:08x}"
                    yield from self.job(what, chunk.block, part, SHORT_JOB, may_reset=True)
                    break
                except HostError as error:
                    pointer = None
                    if not error.transient:
                        raise
                    found = yield from self._found(chunk, error)
                    if found == part:
                        break
                    if not tries_left or found.strip(found[:1]):
                        if isinstance(error, DeviceResetError):
                            raise DeviceTimeoutError(f"{error}, but is there, without these bytes") from None
                        raise
            advance(chunk.size)

    def _found(self, chunk: Chunk, doubt: HostError) -> Operation[bytes]:
        """What a write of unknown outcome has left; ``doubt`` where that cannot be read."""
        try:
            return (yield from self.contents(chunk.address, chunk.size))
        except HostError as error:
            if isinstance(error, DeviceGoneError) and not isinstance(doubt, DeviceResetError):
                raise
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
            yield from requests.download(self.interface, FIRST_DATA_BLOCK, b"")
        except StalledError as stall:
            raise (yield from self.refusal(what, stall)) from None
        for _ in range(TRIES):
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
        yield from self.command(f"setting the address 0x{address:08x}", SetAddress(address), SHORT_JOB)

    def _read_chunk(self, chunk: Chunk, needed: int) -> Operation[bytes]:
        what = f"reading {chunk.size} bytes at 0x{chunk.address:08x}"
        data = yield from self.upload(what, chunk.block, chunk.size)
        if len(data) < needed:
            reply = yield from self.status()
            raise refused(f"{what} gave only {len(data)} bytes", Request.UPLOAD, reply)
        return data
