"""A bench for the host: an emulated chip, a PyUSB backend to reach it, a record of what it was asked."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import usb.core

from dfu_emulator.bootloader import Reason
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Occurrence, Port, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.inprocess import Backend
from dfu_host.bus import pick
from dfu_host.cli import main
from dfu_host.session import Session
from dfu_protocol import Command, Request, SetupPacket, State, parse_command
from dfu_protocol.control import CLASS_OUT

FLASH, OPTION_BYTES, OTP = 0x08000000, 0x1FFFC000, 0x1FFF7800
"""Addresses of an STM32F405."""


class MakeBench(Protocol):
    """The ``make_bench`` fixture: options are those of ``emulated``."""

    def __call__(self, profile: Profile | None = None, **options: Any) -> "Bench": ...


class Bench:
    """A chip at a port. No time passes but what the host sleeps or the chip holds back."""

    def __init__(self, port: Port, clock: ManualClock, image: Path) -> None:
        self.port = port
        self.clock = clock
        self.backend = Backend(port)
        self._image = image
        self.transfers: list[Transfer] = []
        port.watch(self._note)

    def _note(self, occurrence: Occurrence) -> None:
        if isinstance(occurrence, Transfer):
            self.transfers.append(occurrence)

    def run(self, *arguments: object) -> int:
        """``dfu-host`` with these arguments; its exit code."""
        return main([str(argument) for argument in arguments], backend=self.backend)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session with the chip."""
        device = pick(backend=self.backend)
        with device.open() as link:
            yield Session(link, device.transfer_size(), sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(round(seconds * 1_000_000))

    def come_back(self) -> None:
        """Let the time pass until the chip is back on the bus, and configure it."""
        if not self.port.attached:
            assert self.port.returns_at is not None
            self.clock.sleep(self.port.returns_at - self.clock.now())
        self.port.configure()

    def send(self, request: Request, block: int = 0, data: bytes = b"", length: int = 0) -> None:
        """One request past the host, to bring the chip into some state."""
        self.port.control(SetupPacket.dfu(request, block, length or len(data)), data)

    @property
    def state(self) -> State:
        return self.port.device.bootloader.state

    @property
    def flash(self) -> bytes:
        return self._image.read_bytes()

    @property
    def departures(self) -> list[tuple[Reason, int]]:
        """Why the chip left the bus, and its address pointer then."""
        return [
            (transfer.reply.departure.reason, transfer.pointer)
            for transfer in self.transfers
            if transfer.reply.departure
        ]

    def requests(self, request: Request) -> list[Transfer]:
        return [
            transfer
            for transfer in self.transfers
            if transfer.setup.type and transfer.setup.bRequest == request
        ]

    def commands(self, kind: type[Command]) -> list[Any]:
        """The commands of one kind that were sent, in order."""
        sent = (
            parse_command(transfer.data)
            for transfer in self.requests(Request.DNLOAD)
            if not transfer.setup.wValue and transfer.data
        )
        return [command for command in sent if isinstance(command, kind)]


class Vanishing(Backend):
    """Unplugs the device once it has taken a certain DFU request, of which ``last`` is told."""

    def __init__(self, port: Port, last: Callable[[Request, bytes], bool]) -> None:
        super().__init__(port)
        self._last = last
        self._gone = False

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        if self._gone:
            raise usb.core.USBError("No such device", errno=errno.ENODEV)
        data, _timeout = rest
        if bmRequestType == CLASS_OUT:
            self._gone = self._last(Request(bRequest), bytes(data))
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


@contextmanager
def bench(profile: Profile, image: Path, **options: Any) -> Iterator[Bench]:
    """A bench with a configured chip of ``profile``, whose flash is in the file ``image``."""
    clock = ManualClock()
    with emulated(profile, image=image, clock=clock, **options) as port:
        port.configure()
        yield Bench(port, clock, image)
