"""A small host for the tests: it sends DFU requests to a port, and variants of a profile for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import msgspec
from msgspec.structs import replace

from dfu_emulator.bootloader import Reply
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.timing import ManualClock
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply

Plug = Callable[..., "Host"]

FLASH, RAM, SYSTEM, OTP = 0x08000000, 0x20003000, 0x1FFF0000, 0x1FFF7800
OPTION_BYTES, DEVICE_FEATURE = 0x1FFFC000, 0xFFFF0000
NOWHERE = 0x40000000
"""Addresses of an STM32F405; of its RAM the first that the ROM leaves free, and one without memory."""

TRANSFER_SIZE = 2048
CONFIGURE = SetupPacket(0x00, 9, 1, 0, 0)


class Stalled(Exception):
    """The device answered with a STALL."""


class Host:
    """Talks to the device at ``port``; waits, on a clock of its own, for as long as the device holds it."""

    def __init__(self, port: Port, clock: ManualClock) -> None:
        self.port = port
        self.clock = clock

    def dfu(self, request: Request, block: int = 0, length: int = 0, data: bytes = b"") -> Reply:
        """One DFU request, as it is answered."""
        return self.port.control(SetupPacket.dfu(request, block, length or len(data)), data)

    def ask(self, request: Request, block: int = 0, length: int = 0, data: bytes = b"") -> bytes:
        """One DFU request; a STALL is an exception."""
        reply = self.dfu(request, block, length, data)
        self.clock.sleep(reply.hold)
        if reply.data is None:
            raise Stalled(f"{request.label} {block} {length}")
        return reply.data

    def dnload(self, block: int, data: bytes) -> None:
        self.ask(Request.DNLOAD, block, data=data)

    def upload(self, block: int, length: int) -> bytes:
        return self.ask(Request.UPLOAD, block, length)

    def get_status(self) -> StatusReply:
        return StatusReply.parse(self.ask(Request.GETSTATUS, length=6))

    def get_state(self) -> State:
        return State(self.ask(Request.GETSTATE, length=1)[0])

    def clear_status(self) -> None:
        self.ask(Request.CLRSTATUS)

    def abort(self) -> None:
        self.ask(Request.ABORT)

    def idle(self) -> "Host":
        """To dfuIDLE with status OK, whatever went before."""
        for _ in range(2):
            if self.get_status().bState is State.ERROR:
                self.clear_status()
            else:
                self.abort()
        assert self.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)
        return self

    def job(self, block: int, data: bytes) -> StatusReply:
        """DNLOAD, and the GETSTATUS that tells how it ended."""
        self.dnload(block, data)
        assert self.get_status().bState is State.DNBUSY
        return self.get_status()

    def set_address(self, address: int) -> StatusReply:
        return self.job(0, b"\x21" + address.to_bytes(4, "little"))

    def erase(self, address: int) -> StatusReply:
        return self.job(0, b"\x41" + address.to_bytes(4, "little"))

    def mass_erase(self) -> StatusReply:
        return self.job(0, b"\x41")

    def write(self, address: int, data: bytes) -> StatusReply:
        """Write up to a block at ``address``, from and to dfuIDLE or dfuDNLOAD-IDLE."""
        told = self.set_address(address)
        return self.job(2, data) if told.bStatus is Status.OK else told

    def read(self, address: int, length: int) -> bytes:
        """Read ``length`` bytes that are there, from and to dfuIDLE."""
        assert self.set_address(address).bStatus is Status.OK
        self.abort()
        found = b""
        while len(found) < length:
            block = 2 + len(found) // TRANSFER_SIZE
            found += self.upload(block, min(TRANSFER_SIZE, length - len(found)))
        self.idle()
        return found

    def start_reset(self, data: bytes, block: int = 0) -> StatusReply:
        """A job that ends in a reset: DNLOAD, and the only GETSTATUS that is answered."""
        self.dnload(block, data)
        return self.get_status()

    def wait_for_return(self) -> "Host":
        """Until the device is back on the bus, configured."""
        assert self.port.returns_at is not None
        self.clock.sleep(max(0, self.port.returns_at - self.clock.now()))
        assert self.port.attached
        self.port.configure()
        return self

    @property
    def status(self) -> Status:
        return self.port.device.bootloader.status

    @property
    def pointer(self) -> int:
        return self.port.device.bootloader.address_pointer


@contextmanager
def plugged(profile: Profile, **options: Any) -> Iterator[Host]:
    """A configured device of ``profile`` and its host; ``options`` are those of ``emulated``."""
    clock = ManualClock()
    with emulated(profile, clock=clock, **options) as port:
        if port.attached:
            port.configure()
        yield Host(port, clock)


def variant(profile: Profile, path: str, **fields: Any) -> Profile:
    """``profile`` with other values in the section at ``path``, e.g. ``memory.flash``."""
    names = path.split(".")
    sections: list[msgspec.Struct] = [profile]
    sections += [reduce(getattr, names[: depth + 1], profile) for depth in range(len(names))]
    changed: msgspec.Struct = replace(sections.pop(), **fields)
    for name, above in zip(reversed(names), reversed(sections), strict=True):
        changed = replace(above, **{name: changed})
    assert isinstance(changed, Profile)
    return changed
