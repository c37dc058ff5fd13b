"""Whole DFU sessions, to the departure at their end."""

import threading
from contextlib import ExitStack
from struct import pack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Attached, Occurrence, Port
from dfu_emulator.profile import Profile
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.usbip import UsbipServer
from dfu_protocol import State, Status
from emulator.host import CONFIGURE, FLASH, TRANSFER_SIZE
from emulator.transports.usbip.client import (
    ESHUTDOWN,
    ST_NODEV,
    TIME_LIMIT,
    Address,
    Connection,
    Imported,
    Refused,
    RemoteHost,
    device_list,
)
from emulator.transports.usbip.setups import GET_STATUS, READ_UNPROTECT, leave


class TestSession:
    def test_from_the_list_to_the_application(self, address: Address, port: Port) -> None:
        (listed,) = device_list(address)
        firmware = pack("<II", 0x20020000, FLASH + 0x201) + bytes(range(256)) * 24
        with Imported(address, listed.busid) as device:
            host = RemoteHost(device, port)
            assert host.get_status().bStatus is Status.FIRMWARE
            host.idle()
            assert host.mass_erase().bStatus is Status.OK
            assert host.set_address(FLASH).bStatus is Status.OK
            blocks = range(0, len(firmware), TRANSFER_SIZE)
            for number, start in enumerate(blocks, 2):
                assert host.job(number, firmware[start : start + TRANSFER_SIZE]).bStatus is Status.OK
            assert host.idle().read(FLASH, len(firmware)) == firmware
            host.set_address(FLASH)
            host.dnload(0, b"")
            assert host.get_status().bState is State.MANIFEST
            assert device.rest() == b""
        assert device_list(address) == []
        with pytest.raises(Refused) as refused:
            Imported(address)
        assert refused.value.status == ST_NODEV

    def test_read_unprotect_and_return(self, stack: ExitStack, f405: Profile) -> None:
        port = stack.enter_context(emulated(f405, rdp=1))
        address = stack.enter_context(UsbipServer([port], port=0)).address
        with Imported(address) as device:
            host = RemoteHost(device, port).idle()
            assert host.set_address(FLASH).bStatus is Status.VENDOR
            host.idle()
            assert host.start_reset(READ_UNPROTECT).bState is State.DNBUSY
            assert device.rest() == b""
        with Imported(address) as device:
            host = RemoteHost(device, port).idle()
            assert host.read(FLASH, 16) == b"\xff" * 16

    def test_it_is_away_for_as_long_as_the_chip_is(self, stack: ExitStack, f405: Profile) -> None:
        clock = ManualClock()
        port = stack.enter_context(emulated(f405, timing="real", clock=clock))
        address = stack.enter_context(UsbipServer([port], port=0)).address
        with Imported(address) as device:
            RemoteHost(device, port).idle().start_reset(b"")
            assert device.rest() == b""
        assert device_list(address) == []
        clock.sleep(250_000)
        (listed,) = device_list(address)
        assert listed.busid == "1-1"
        with Imported(address) as device:
            assert device.control(CONFIGURE) == b""

    @pytest.mark.parametrize("when", ["while it is served", "before it is served"])
    def test_a_chip_comes_back_without_anybody_looking(self, slow: Port, when: str) -> None:
        back = threading.Event()

        def watch(occurrence: Occurrence) -> None:
            if isinstance(occurrence, Attached):
                back.set()

        slow.watch(watch)
        if when == "before it is served":
            leave(slow)
        with UsbipServer([slow], port=0):
            if when == "while it is served":
                leave(slow)
            assert back.wait(TIME_LIMIT)

    def test_ten_at_once(self, stack: ExitStack, f405: Profile) -> None:
        ports = [stack.enter_context(emulated(f405, serial=f"CHIP {n}")) for n in range(10)]
        address = stack.enter_context(UsbipServer(ports, port=0)).address
        images = [
            bytes((n * 7 + i * (n + 3)) & 0xFF for i in range(5 * TRANSFER_SIZE + 4 * n)) for n in range(10)
        ]
        failures: list[BaseException] = []

        def flash(number: int) -> None:
            try:
                with Imported(address, f"1-{number + 1}") as device:
                    host = RemoteHost(device, ports[number]).idle()
                    host.mass_erase()
                    host.set_address(FLASH)
                    for block, start in enumerate(range(0, len(images[number]), TRANSFER_SIZE), 2):
                        host.job(block, images[number][start : start + TRANSFER_SIZE])
                    assert host.idle().read(FLASH, len(images[number])) == images[number]
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=flash, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for port, image in zip(ports, images, strict=True):
            assert port.device.bootloader.chip.flash.read(FLASH, len(image)) == image


class TestDeparture:
    def test_urbs_after_it_fail(self, address: Address, port: Port) -> None:
        with Imported(address) as device:
            host = RemoteHost(device, port).idle()
            host.dnload(0, b"")
            device.send(b"".join(device.pack_submit(GET_STATUS) for _ in range(3)))
            assert [device.returned().status for _ in range(3)] == [0, ESHUTDOWN, ESHUTDOWN]
            assert device.rest() == b""

    def test_one_that_another_host_caused(self, address: Address, port: Port) -> None:
        with Imported(address) as device:
            leave(port)
            assert device.rest() == b""

    def test_the_end_of_the_server_is_one(self, port: Port) -> None:
        with UsbipServer([port], port=0) as server:
            device, asking = Imported(server.address), Connection(server.address)
            address = server.address
        with device, asking:
            assert device.rest() == asking.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            Connection(address)
        assert port.control(CONFIGURE).data == b""
