"""What hosts do: the sessions of the tests."""

from random import Random

from dfu_protocol import Request, SetupPacket, State
from emulator.host import Host, Stalled

FLASH = 0x08000000
DEVICE_DESCRIPTOR = SetupPacket(0x80, 6, 0x0100, 0, 18)


def enumerate_it(host: Host) -> None:
    """What an operating system and dfu-util ask a device that has come."""
    profile = host.port.device.profile
    strings = range(4 + len(profile.alternates))
    for kind, index, length in ((1, 0, 18), (2, 0, 9), (2, 0, 255), *((3, index, 255) for index in strings)):
        host.port.control(SetupPacket(0x80, 6, kind << 8 | index, 0x0409 if index else 0, length))
    host.port.configure()
    host.port.control(SetupPacket(0x80, 0, 0, 0, 2))


def enumerate_it_and_ask(host: Host) -> None:
    """The same, and the one request by which a device shows that it is for DFU."""
    enumerate_it(host)
    host.get_status()


def polled(host: Host, block: int, data: bytes) -> None:
    """A job, waited for as the chip says, as dfu-util does."""
    host.dnload(block, data)
    for _ in range(50):
        status = host.get_status()
        if status.bState is not State.DNBUSY:
            return
        host.clock.sleep(status.bwPollTimeout * 1000 + 1000)


def download(host: Host, size: int = 5008, leave: bool = False) -> None:
    """Erase, write, and perhaps leave."""
    host.idle()
    profile = host.port.device.profile
    transfer_size = profile.dfu.wTransferSize
    firmware = Random(size).randbytes(size)
    (_, sector), *_ = profile.memory.flash.sectors
    for start in range(0, size, sector):
        polled(host, 0, b"\x41" + (FLASH + start).to_bytes(4, "little"))
    for start in range(0, size, transfer_size):
        polled(host, 0, b"\x21" + (FLASH + start).to_bytes(4, "little"))
        polled(host, 2, firmware[start : start + transfer_size])
    if leave:
        polled(host, 0, b"\x21" + FLASH.to_bytes(4, "little"))
        host.ask(Request.DNLOAD, 0)
        host.get_status()


def upload(host: Host, address: int = FLASH, size: int = 5000) -> None:
    """Read a part of a memory, as dfu-util does."""
    host.idle()
    transfer_size = host.port.device.profile.dfu.wTransferSize
    polled(host, 0, b"\x21" + address.to_bytes(4, "little"))
    host.abort()
    for block, start in enumerate(range(0, size, transfer_size), 2):
        host.upload(block, min(transfer_size, size - start))
    host.abort()


def stumble(host: Host) -> None:
    """Requests that chips stall, or answer with an error."""
    for request, block, length in (
        (Request.GETSTATUS, 0, 6),
        (Request.UPLOAD, 2, 4096),
        (Request.GETSTATUS, 0, 6),
        (Request.ABORT, 0, 0),
        (Request.GETSTATUS, 0, 6),
        (Request.CLRSTATUS, 0, 0),
        (Request.CLRSTATUS, 0, 0),
        (Request.GETSTATUS, 0, 6),
        (Request.CLRSTATUS, 0, 0),
        (Request.GETSTATE, 0, 1),
    ):
        try:
            host.ask(request, block, length)
        except Stalled:
            continue
