"""Leaving DFU mode: by a DNLOAD of no data, done at the GETSTATUS after it."""

from struct import pack

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.port import DeviceGone
from dfu_protocol import Request, State, Status
from emulator.host import FLASH, RAM, Host, Plug

APPLICATION = pack("<II", 0x20020000, FLASH + 0x201)
NO_STACK = pack("<II", 0x08000000, FLASH + 0x201)


def leave(host: Host, block: int = 0) -> None:
    host.ask(Request.DNLOAD, block)
    assert host.get_state() is State.MANIFEST_SYNC
    assert host.get_status() == (Status.OK, 0, State.MANIFEST, 0)


def ends_on_the_bus(host: Host) -> bool:
    host.clock.sleep(3_600_000_000)
    return host.port.attached


@pytest.mark.parametrize("block", [0, 2, 3, 65535])
@pytest.mark.parametrize("boot0", [True, False])
def test_the_application_runs_if_it_can(plug: Plug, boot0: bool, block: int) -> None:
    host = plug(boot0=boot0).idle()
    host.write(FLASH, APPLICATION)
    leave(host, block)
    assert host.port.returns_at is None
    assert not ends_on_the_bus(host)


@pytest.mark.parametrize(("boot0", "back"), [(True, True), (False, False)])
@pytest.mark.parametrize("code", [b"", NO_STACK], ids=["blank", "no stack"])
def test_without_an_application_boot0_decides(plug: Plug, code: bytes, boot0: bool, back: bool) -> None:
    host = plug(boot0=boot0).idle()
    if code:
        host.write(FLASH, code)
    address = host.port.address
    leave(host)
    assert ends_on_the_bus(host) is back
    assert host.port.address == address + back


@pytest.mark.parametrize(("pointer", "runs"), [(FLASH, False), (FLASH + 0x8000, True), (RAM, True)])
def test_the_pointer_says_where_the_application_is(plug: Plug, pointer: int, runs: bool) -> None:
    host = plug().idle()
    for address in (FLASH + 0x8000, RAM):
        host.write(address, APPLICATION)
    host.set_address(pointer)
    leave(host)
    assert (host.port.returns_at is None) is runs


@pytest.mark.parametrize("code", [b"", APPLICATION], ids=["blank", "application"])
def test_the_departure_tells_whether_the_application_runs(plug: Plug, code: bytes) -> None:
    host = plug(boot0=False).idle()
    if code:
        host.write(FLASH, code)
    host.ask(Request.DNLOAD)
    departure = host.dfu(Request.GETSTATUS, length=6).departure
    assert departure is not None
    assert (departure.application_runs, departure.returns_after) == (bool(code), None)


def test_from_dfudnload_idle_and_after_abort_it_stays(host: Host) -> None:
    host.write(FLASH, APPLICATION)
    assert host.get_state() is State.DNLOAD_IDLE
    host.ask(Request.DNLOAD)
    host.abort()
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)
    assert host.port.attached


def test_the_host_gets_the_answer_before_the_device_goes(plug: Plug) -> None:
    host = plug(boot0=False).idle()
    host.ask(Request.DNLOAD)
    reply = host.dfu(Request.GETSTATUS, length=6)
    assert reply.data == bytes.fromhex("00 000000 07 00")
    assert reply.departure is not None
    assert reply.departure.reason is Reason.LEAVE
    with pytest.raises(DeviceGone):
        host.get_status()
