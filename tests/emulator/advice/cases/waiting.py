"""GETSTATUS, and patience."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel, HeldAt
from dfu_protocol import Request, SetupPacket, State, StatusReply
from emulator.advice.cases.case import VECTORS, Case, leave
from emulator.host import FLASH, Host, variant

GETSTATUS_LENGTH = 6


def start(host: Host, data: bytes, block: int = 0) -> StatusReply:
    host.dnload(block, data)
    return host.get_status()


def patient_job(host: Host, data: bytes, block: int = 0) -> None:
    """DNLOAD, and GETSTATUS with bwPollTimeout in between until the chip is no longer busy."""
    host.dnload(block, data)
    status = host.get_status()
    while status.bState is State.DNBUSY:
        host.clock.sleep(status.bwPollTimeout * 1000)
        status = host.get_status()


def hasty_job(host: Host, data: bytes) -> None:
    timeout = start(host, data).bwPollTimeout
    host.clock.sleep(timeout * 1000 - 1000)
    host.get_status()


def give_up_start(host: Host, data: bytes) -> None:
    """DNLOAD, and a GETSTATUS whose answer the host does not wait for."""
    host.dnload(0, data)
    sent = host.clock.now()
    host.dfu(Request.GETSTATUS, length=GETSTATUS_LENGTH)
    host.clock.sleep(100_000)
    getstatus = SetupPacket.dfu(Request.GETSTATUS, 0, GETSTATUS_LENGTH)
    host.port.give_up(getstatus, sent, host.port.address, reached=True)


def held_at_start(profile: Profile) -> Profile:
    return variant(profile, "bootloader", busy=BusyModel.BLOCK, held_at=HeldAt.START)


def polled(profile: Profile) -> Profile:
    return variant(profile, "bootloader", busy=BusyModel.POLL)


WAITING = [
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the write of block 2 was missing: DNLOAD came instead",
        lambda host: (host.dnload(2, bytes(64)), host.dfu(Request.DNLOAD, 3, data=bytes(64))),
        lambda host: host.job(2, bytes(64)),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does Set Address Pointer was missing: ABORT came instead",
        lambda host: (host.dnload(0, b"\x21\x00\x00\x00\x08"), host.abort()),
        lambda host: (host.set_address(FLASH), host.abort()),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the leave was missing: the host was done",
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), host.dnload(0, b"")),
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), leave(host)),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the mass erase was missing: the bus was reset",
        lambda host: (host.dnload(0, b"\x41"), host.port.reset_and_restore()),
        lambda host: (host.mass_erase(), host.port.reset_and_restore()),
    ),
    Case(
        "unasked-outcome",
        "How the write of block 2 ended was never asked: DNLOAD came in dfuDNBUSY",
        lambda host: (start(host, bytes(64), 2), host.dfu(Request.DNLOAD, 2, data=bytes(64))),
        lambda host: host.job(2, bytes(64)),
    ),
    Case(
        "unasked-outcome",
        "How Set Address Pointer ended was never asked: the host was done",
        lambda host: start(host, b"\x21\x00\x00\x00\x08"),
        lambda host: host.set_address(FLASH),
    ),
    Case(
        "unasked-outcome",
        "How the erase at 0x08000000 ended was never asked: CLRSTATUS came in dfuDNBUSY",
        lambda host: (start(host, b"\x41\x00\x00\x00\x08"), host.clear_status()),
        lambda host: host.erase(FLASH),
    ),
    Case(
        "early-poll",
        "GETSTATUS came 1 ms before the 100 ms of bwPollTimeout were up",
        lambda host: hasty_job(host, b"\x41\x00\x00\x00\x08"),
        lambda host: patient_job(host, b"\x41\x00\x00\x00\x08"),
        timing="real",
        profile=polled,
    ),
    Case(
        "impatient-erase",
        "The host gave up the mass erase while the chip was at it",
        lambda host: start(host, b"\x41"),
        lambda host: patient_job(host, b"\x41"),
        timing="real",
    ),
    Case(
        "impatient-erase",
        "The host gave up the erase at 0x08000000 while the chip was at it",
        lambda host: (give_up_start(host, b"\x41\x00\x00\x00\x08"), host.dfu(Request.ABORT)),
        lambda host: patient_job(host, b"\x41\x00\x00\x00\x08"),
        timing="real",
        profile=held_at_start,
    ),
]
