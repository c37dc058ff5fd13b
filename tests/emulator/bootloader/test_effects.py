"""What jobs tell those who watch of the memory that they have changed."""

import pytest

from dfu_emulator.bootloader import Effect, Job
from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Overwrite
from dfu_protocol import Status
from emulator.host import DEVICE_FEATURE, FLASH, NOWHERE, OPTION_BYTES, RAM, Host, Plug, variant
from emulator.test_protection import ALLOW_ALL, options, set_options

ALL = Effect("erase", FLASH, 0x100000)


def job_of(host: Host, block: int, data: bytes) -> Job:
    """The job that this DNLOAD and a GETSTATUS do."""
    seen: list[Occurrence] = []
    host.port.watch(seen.append)
    host.dnload(block, data)
    host.get_status()
    host.port.unwatch(seen.append)
    jobs = [item.reply.job for item in seen if isinstance(item, Transfer) and item.reply.job]
    (job,) = jobs
    return job


def erase(address: int) -> bytes:
    return b"\x41" + address.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("data", "effect"),
    [
        (erase(FLASH + 0x4321), Effect("erase", FLASH + 0x4000, 0x4000)),
        (b"\x41", ALL),
        (b"\x92", ALL),
    ],
    ids=["erase", "mass erase", "read unprotect"],
)
def test_erases(host: Host, data: bytes, effect: Effect) -> None:
    assert job_of(host, 0, data).effects == (effect,)


@pytest.mark.parametrize("data", [b"\x00", erase(NOWHERE), b"\x21\x00\x00\x00\x08", b"\x55"])
def test_what_changes_nothing(host: Host, data: bytes) -> None:
    assert job_of(host, 0, data).effects == ()


@pytest.mark.parametrize(
    ("address", "data"),
    [(FLASH, bytes(100)), (RAM, bytes(3)), (DEVICE_FEATURE, b"\x02\xff\xff\xff")],
    ids=["flash", "RAM", "device feature"],
)
def test_writes(host: Host, address: int, data: bytes) -> None:
    host.set_address(address)
    assert job_of(host, 2, data).effects == (Effect("write", address, len(data)),)


def test_a_write_across_sectors_is_one(host: Host) -> None:
    host.set_address(FLASH + 0x3FF0)
    assert job_of(host, 2, bytes(64)).effects == (Effect("write", FLASH + 0x3FF0, 64),)


def test_a_write_into_a_protected_sector_is_none(host: Host) -> None:
    set_options(host, wrp=0xFFD)
    host.wait_for_return().idle()
    host.set_address(FLASH + 0x3FF0)
    assert job_of(host, 2, bytes(64)).effects == (Effect("write", FLASH + 0x3FF0, 16),)


def test_a_write_that_is_refused_half_way(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "memory.flash", overwrite=Overwrite.PROG, program_width=8)).idle()
    host.write(FLASH + 16, bytes(8))
    host.set_address(FLASH)
    job = job_of(host, 2, bytes(64))
    assert (job.outcome, job.effects) == (Status.PROG, (Effect("write", FLASH, 16),))


def test_option_bytes_that_lift_the_protection_erase_the_flash(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "protection", **ALLOW_ALL), rdp=1).idle()
    host.set_address(OPTION_BYTES)
    assert job_of(host, 2, options()).effects == (Effect("write", OPTION_BYTES, 16), ALL)
