"""The Python API: an open device, and what people do with it by address."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TypeAlias

from dfu_host import bus, flashing, readback
from dfu_host.bus import Alternate, DfuDevice, Selection
from dfu_host.errors import HostError, NoDeviceError, UsageError
from dfu_host.flashing import EraseMode, Outcome
from dfu_host.link import Link
from dfu_host.plan import DEFAULT_ALIGN, allows, check_length, plan_erase, plan_write
from dfu_host.progress import Track, silent
from dfu_host.session import Session
from dfu_host.survey import Care
from dfu_protocol import Access
from dfu_protocol.firmware_file import Element

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the phase, bytes done, and bytes in all.

The phases are comparing, erasing, writing, verifying, checking (that what was erased is blank) and reading.
"""


def open_device(
    serial: str | None = None,
    *,
    path: str | None = None,
    vendor: int | None = None,
    product: int | None = None,
    index: int | None = None,
    backend: object | None = None,
    transfer_size: int | None = None,
) -> "Device":
    """The one device on the bus that matches, opened; None matches any.

    ``path`` is bus-port.port..., as ``dfu-host list`` shows it, ``index`` chooses one of several by its place
    in that list, from 0. ``backend`` is any of PyUSB's, None is libusb. ``transfer_size`` is for devices that
    show no DFU functional descriptor. NoDeviceError where none matches, or several do; HostError where the
    device cannot be opened.
    """
    selection = Selection(vendor, product, serial, path)
    if index is None:
        return Device(bus.pick(selection, backend), transfer_size=transfer_size)
    found = bus.find(selection, backend)
    if not 0 <= index < len(found):
        raise NoDeviceError(f"there is no device {index}: {len(found)} match, counted from 0")
    return Device(found[index], transfer_size=transfer_size)


class Device:
    """An STM32 in its bootloader, open and claimed until ``close`` or the end of a ``with`` block.

    Memory is chosen by address. Each method raises HostError, or a subclass that says more: RefusedError
    where the device refuses or fails, ReadProtectedError where its flash is read protected, DeviceGoneError
    where it leaves the bus, DeviceTimeoutError where it does not answer, UsageError where what is asked for
    makes no sense. What is transient and safe to repeat has been repeated by then.
    """

    def __init__(
        self,
        info: DfuDevice,
        *,
        transfer_size: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a device that ``find`` has found; ``sleep`` is what all waiting goes through."""
        self.info = info
        """Its descriptors, ids, serial number and alternate settings."""
        size = info.transfer_size(transfer_size)
        self._link = Link(info.usb, info.configuration, info.interface)
        self.session = Session(self._link, size, sleep=sleep)
        """The conversation underneath, for what is not here."""

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the device in dfuIDLE, if it is still there, and give it back."""
        try:
            with suppress(HostError):
                self.session.to_idle()
        finally:
            self._link.close()

    @property
    def memories(self) -> tuple[Alternate, ...]:
        """Each alternate setting: its number, its name, and its layout with pages and what they allow."""
        return self.info.alternates

    def memory_at(self, address: int) -> Alternate | None:
        """The memory that holds ``address`` by its layout string, None if there is none."""
        return self.info.memory_at(address)

    def read(self, address: int, length: int, *, progress: Progress | None = None) -> bytes:
        """``length`` bytes from ``address`` on."""
        if length < 0:
            raise UsageError(f"{length} is no number of bytes to read")
        self._select_for(address, length)
        blocks: list[bytes] = []
        with _track(progress)("reading", length) as advance:
            for block in self.session.read(address, length):
                blocks.append(block)
                advance(len(block))
        return b"".join(blocks)

    def write(
        self,
        address: int,
        data: bytes,
        *,
        erase: EraseMode = EraseMode.PAGES,
        diff: bool = False,
        resume: bool = False,
        preserve: bool | None = None,
        verify: bool = True,
        will_reset: bool = False,
        align: int = DEFAULT_ALIGN,
        progress: Progress | None = None,
    ) -> Outcome:
        """Write ``data`` from ``address`` on: erase the pages it touches, program, read back.

        ``diff`` touches only what differs, ``resume`` does the pages anew that are not right as a whole, as
        after a write that was broken off. ``preserve`` says what becomes of other data in the pages to
        erase: it is written back (True), given up (False), or a NeighbourError before anything is changed
        (None). Whole flash words of ``align`` bytes are written. ``will_reset`` expects that the device
        resets on it, as for option bytes. VerifyError where the memory reads back differently. A write that
        is broken off raises an error with ``remains``, what is on the chip now; Ctrl-C, an InterruptedJob.
        """
        return self.write_all(
            [Element(address, data)],
            erase=erase,
            diff=diff,
            resume=resume,
            preserve=preserve,
            verify=verify,
            will_reset=will_reset,
            align=align,
            progress=progress,
        )

    def write_all(
        self,
        elements: Iterable[Element],
        *,
        erase: EraseMode = EraseMode.PAGES,
        diff: bool = False,
        resume: bool = False,
        preserve: bool | None = None,
        verify: bool = True,
        will_reset: bool = False,
        align: int = DEFAULT_ALIGN,
        progress: Progress | None = None,
    ) -> Outcome:
        """The same for data at several addresses, of an Image of ``load`` for example, all in one go."""
        by_memory: dict[Alternate, list[Element]] = {}
        for element in elements:
            checked = Element(element.address, _checked(element.data))
            by_memory.setdefault(self._memory(element.address), []).append(checked)
        plans = [plan_write(m.number, m.known_layout, data, align) for m, data in by_memory.items()]
        return self.session.run(
            flashing.program(
                self.session.conversation,
                plans,
                mode=EraseMode(erase),
                care=Care(diff, resume, preserve),
                verify=verify,
                will_reset=will_reset,
                track=_track(progress),
            )
        )

    def verify(self, address: int, data: bytes, *, progress: Progress | None = None) -> None:
        """VerifyError where the memory from ``address`` on is not ``data``."""
        data = _checked(data)
        self._select_for(address, len(data))
        with _track(progress)("verifying", len(data)) as advance:
            self.session.run(readback.verify(self.session.conversation, address, data, advance))

    def erase(
        self, address: int, length: int = 1, *, verify: bool = True, progress: Progress | None = None
    ) -> None:
        """Erase every page that ``length`` bytes from ``address`` on touch, as a whole.

        With ``verify`` they are read: NotErasedError where one is not blank, as a write-protected page, of
        which most chips say nothing.
        """
        memory = self._memory(address)
        pages = plan_erase(memory.known_layout, address, length)
        self._select(memory)
        job = flashing.erase(self.session.conversation, pages, _track(progress), verify=verify)
        self.session.run(job)

    def mass_erase(self, *, verify: bool = True, progress: Progress | None = None) -> None:
        """Erase all of the flash, which may take half a minute, and check that as ``erase`` does."""
        erasable = (m for m in self.memories if m.layout and allows(m.layout.segments[0], Access.ERASABLE))
        memory = next(erasable, self.memories[0])
        self._select(memory)
        job = flashing.mass_erase(
            self.session.conversation, memory.known_layout, _track(progress), verify=verify
        )
        self.session.run(job)

    def unprotect(self) -> None:
        """Lift the read protection, which erases everything. The device resets: open it again afterwards."""
        self.session.read_unprotect()

    def leave(self, address: int | None = None) -> None:
        """Start the application at ``address``, by default at the start of the flash. The device is gone."""
        self.session.leave(self._memory_start() if address is None else address)

    def _select(self, memory: Alternate) -> None:
        self.session.select(memory.number)

    def _select_for(self, address: int, length: int) -> None:
        """Select the memory that holds ``address``, of which so many bytes from there on are asked for.

        What no layout has, the system memory for one, can be read with any selected.
        """
        memory = self.memory_at(address)
        if memory:
            check_length(memory.known_layout, address, length)
        self._select(memory or self.memories[0])

    def _memory(self, address: int) -> Alternate:
        memory = self.memory_at(address)
        if memory is None:
            known = ", ".join(f"{m.number} ({m.name})" for m in self.memories)
            raise UsageError(f"0x{address:08x} is in no memory of the device, which has {known}")
        return memory

    def _memory_start(self) -> int:
        return self.memories[0].known_layout.segments[0].address


def _checked(data: object) -> bytes:
    """``data``, if it is bytes, whatever a caller without types hands over."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data is {type(data).__name__}, and should be bytes")
    return bytes(data)


def _track(progress: Progress | None) -> Track:
    """What jobs report to, for a plain function."""
    if progress is None:
        return silent
    tell = progress

    @contextmanager
    def track(phase: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            tell(phase, done, total)

        tell(phase, done, total)
        yield advance

    return track
