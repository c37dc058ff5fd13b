"""Where the device is plugged in: the one place where machine, clock and transport meet."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from dfu_emulator.bootloader import Departure, Reason, Reply
from dfu_emulator.memory import ImageError
from dfu_emulator.timing import Clock
from dfu_emulator.usb_device import CONFIGURATION_VALUE, UsbDevice
from dfu_protocol import SetupPacket, StandardRequest, State, Status

_FIRST_ADDRESS, _LAST_ADDRESS = 2, 127
"""Address 1 is the root hub's."""


class DeviceGone(Exception):
    """There is no device at the port: it has left the bus."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One control transfer that took place, for those who watch."""

    at: int
    """Microseconds of the port's clock."""
    setup: SetupPacket
    data: bytes
    """The data stage, whatever its direction."""
    reply: Reply
    before: State
    after: State
    status: Status
    pointer: int
    """Address_Pointer before the transfer."""
    address: int | None
    """Where the data block of a DNLOAD or UPLOAD goes to or comes from; None for any other request."""
    sent: int
    """When the host sent it: before ``at`` where the chip was too busy to take it."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The host has stopped to wait for the answer to a request: its time-out is over."""

    at: int
    setup: SetupPacket
    sent: int
    """When the host sent it."""
    reached: bool
    """Whether it reached the chip, whose answer was on its way: then there is a Transfer before this."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The device came (back) to the bus."""

    at: int
    address: int
    """On the bus."""
    device: UsbDevice = field(repr=False)


@dataclass(frozen=True, slots=True)
class Detached:
    """The device left the bus."""

    at: int
    departure: Departure


@dataclass(frozen=True, slots=True)
class BusReset:
    """The host reset the bus."""

    at: int


Occurrence = Transfer | GivenUp | Attached | Detached | BusReset
Watcher = Callable[[Occurrence], None]


class Port:
    """Serialises what hosts send, and makes the device leave and come back. Safe to use from threads.

    ``address`` counts up with each attachment, as on a real bus; a transport compares it with the one it
    knows to find that the device it talked to is no more.
    """

    def __init__(self, device: UsbDevice, clock: Clock, watchers: tuple[Watcher, ...] = ()) -> None:
        self.device = device
        self.clock = clock
        self._watchers = list(watchers)
        self._untold: deque[Occurrence] = deque()
        self._lock = threading.RLock()
        self._attached = device.bootloader.runs
        self._returns_at: int | None = None
        self._awaits_cable = False
        """True where the cable was pulled while the device was away and about to come back."""
        self.address = _FIRST_ADDRESS
        self.failure: ImageError | None = None
        """Why the device was taken away, if it was because its image could not be written."""
        if self._attached:
            self._tell(Attached(clock.now(), self.address, device))

    @property
    def attached(self) -> bool:
        """True while the device is on the bus. Looking may find that it is time to come back."""
        if self._returns_at is not None:
            with self._lock:
                self._return_if_due()
        return self._attached

    def is_at(self, address: int) -> bool:
        """True while the device with this address is on the bus: not after it left, nor when it is back."""
        return self.attached and self.address == address

    @property
    def returns_at(self) -> int | None:
        """When a device that has left comes back (microseconds of the clock), None if it does not."""
        return self._returns_at

    def control(
        self, setup: SetupPacket, data: bytes = b"", address: int | None = None, sent: int | None = None
    ) -> Reply:
        """One control transfer. The transport lets ``reply.hold`` microseconds pass before it answers.

        It also waits for as long as ``silent_for`` says before it asks: a request that its host gives up
        in that time never reaches the chip, because a newer SETUP takes its place (USB 2.0, 5.5.5).
        ``sent`` is when the host sent it, for those who watch; now if left out.
        Raises DeviceGone where no device is there, or not the one at ``address``.
        """
        with self._lock:
            if self._returns_at is not None or not self._attached or address != self.address:
                self._check_present(address)
            now = self.clock.now()
            try:
                if not self._watchers:
                    reply = self.device.control(setup, data, now)
                else:
                    reply = self._watched(setup, data, now, now if sent is None else sent)
            except ImageError as error:
                self.failure = error
                self.unplug()
                raise DeviceGone from error
            if reply.departure is not None:
                self._leave(reply.departure, now + reply.hold)
            if reply.lost:
                raise DeviceGone
            return reply

    def give_up(self, setup: SetupPacket, sent: int, address: int, *, reached: bool) -> None:
        """Say, to those who watch, that the host has given up the request that it sent at ``sent``.

        ``reached`` tells whether ``control`` was asked for it. Of a device that has left nothing is said.
        """
        with self._lock:
            if self.is_at(address):
                self._tell(GivenUp(self.clock.now(), setup, sent, reached))

    def takes_data(self, setup: SetupPacket) -> bool:
        """Whether the device takes the data stage of an OUT request, or stalls it. Nothing happens.

        The request itself is the next that ``control`` is asked for.
        """
        with self._lock:
            return self.device.takes_data(setup)

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of all that happens from now on. It is called with the port locked."""
        with self._lock:
            self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` no more."""
        with self._lock:
            self._watchers.remove(watcher)

    def silent_for(self) -> int:
        """Microseconds for which the chip is too busy to answer anything; 0 where it is not on the bus."""
        # Asked before each transfer: only where a job has taken time is the clock looked at.
        if not self.device.bootloader.silent_until or not self._attached:
            return 0
        return self.device.bootloader.silent_for(self.clock.now())

    def unplug(self) -> None:
        """Take the device away for good: whoever still talks to it finds it gone."""
        with self._lock:
            self._attached, self._returns_at = False, None

    def pull_cable(self) -> None:
        """Take the device off the bus as it is, until ``plug_cable``, or keep it off. Hosts see it leave."""
        with self._lock:
            if self.attached:
                self._leave(Departure(Reason.UNPLUGGED, None), self.clock.now())
            elif self._returns_at is not None:
                self._returns_at, self._awaits_cable = None, True

    def plug_cable(self) -> None:
        """Bring a device back whose cable is out. Nothing happens where the bootloader does not run."""
        with self._lock:
            if not self.attached and (self.device.bootloader.runs or self._awaits_cable):
                self._returns_at = self.clock.now()
                self._return_if_due()

    def configure(self) -> None:
        """Choose the only configuration, as an operating system does once a device is there.

        Of a device that has left by then nothing is said: whoever asks it next finds it gone.
        """
        with suppress(DeviceGone):
            self.control(SetupPacket(0x00, StandardRequest.SET_CONFIGURATION, CONFIGURATION_VALUE))

    def reset(self, address: int | None = None) -> None:
        """USB bus reset. Raises DeviceGone as control does."""
        with self._lock:
            self._check_present(address)
            self.device.bus_reset()
            self._tell(BusReset(self.clock.now()))

    def reset_and_restore(self, address: int | None = None) -> None:
        """Reset the bus as an operating system does: configuration and alternate setting are as before."""
        with self._lock:
            self._check_present(address)
            alternate = self.device.alternate_setting
            self.reset()
            self.configure()
            if alternate:
                self.control(SetupPacket(0x01, StandardRequest.SET_INTERFACE, alternate))

    def _check_present(self, address: int | None) -> None:
        self._return_if_due()
        if not self._attached or (address is not None and address != self.address):
            raise DeviceGone

    def _watched(self, setup: SetupPacket, data: bytes, now: int, sent: int) -> Reply:
        bootloader = self.device.bootloader
        before, pointer = bootloader.state, bootloader.address_pointer
        address = bootloader.address_of(setup)
        reply = self.device.control(setup, data, now)
        stage = (reply.data or b"") if setup.is_in else data
        after, status = bootloader.state, bootloader.status
        self._tell(Transfer(now, setup, stage, reply, before, after, status, pointer, address, sent))
        return reply

    def _leave(self, departure: Departure, now: int) -> None:
        self._attached = False
        self._returns_at = None if departure.returns_after is None else now + departure.returns_after
        self._tell(Detached(now, departure))

    def _return_if_due(self) -> None:
        if self._returns_at is None or self.clock.now() < self._returns_at:
            return
        # In this order: who looks without the lock must not take it for the one that has left.
        self.address = _FIRST_ADDRESS + (self.address - 1) % (_LAST_ADDRESS - 1)
        self._attached = True
        self._returns_at, self._awaits_cable = None, False
        self.device.bus_reset()
        self.device.bootloader.reattach()
        self._tell(Attached(self.clock.now(), self.address, self.device))

    def _tell(self, occurrence: Occurrence) -> None:
        self._untold.append(occurrence)
        if len(self._untold) > 1:
            return  # a watcher's own doing: the others hear of it once they have heard of what led to it
        try:
            while self._untold:
                for watcher in tuple(self._watchers):
                    watcher(self._untold[0])
                self._untold.popleft()
        except BaseException:
            self._untold.clear()
            raise
