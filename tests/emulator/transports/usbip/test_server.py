"""What a server exports, to whom, and where it listens."""

from contextlib import ExitStack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports import TransportError
from dfu_emulator.transports.usbip import UsbipServer
from dfu_protocol import SetupPacket
from emulator.transports.usbip.client import (
    ST_DEV_BUSY,
    ST_NODEV,
    Address,
    Connection,
    Imported,
    Refused,
    device_list,
    import_once_free,
    request_devlist,
)
from emulator.transports.usbip.setups import GET_DEVICE_DESCRIPTOR


class TestExports:
    @pytest.fixture
    def ports(self, stack: ExitStack, f405: Profile) -> list[Port]:
        clock = ManualClock()
        options = ({"serial": "A"}, {"serial": "B"}, {"rdp": 2})
        return [stack.enter_context(emulated(f405, clock=clock, **chosen)) for chosen in options]

    @pytest.fixture
    def address(self, stack: ExitStack, ports: list[Port]) -> Address:
        return stack.enter_context(UsbipServer(ports, port=0)).address

    def test_each_has_its_own_place_on_the_bus(self, address: Address) -> None:
        listed = device_list(address)
        assert [(d.busid, d.busnum, d.devnum) for d in listed] == [("1-1", 1, 2), ("1-2", 1, 3)]

    def test_each_is_imported_by_its_busid(self, address: Address) -> None:
        with Imported(address, "1-2") as b, Imported(address, "1-1") as a:
            serials = [device.control(SetupPacket(0x80, 6, 0x0303, 0x0409, 255)) for device in (a, b)]
        assert serials == [b"\x04\x03A\0", b"\x04\x03B\0"]

    @pytest.mark.parametrize("busid", ["1-3", "1-4", "1-0", "2-1", "", "1-1x", "ä", "1" * 32])
    def test_what_is_not_there_cannot_be_imported(self, address: Address, busid: str) -> None:
        with pytest.raises(Refused) as refused:
            Imported(address, busid)
        assert refused.value.status == ST_NODEV

    def test_one_importer_a_device(self, address: Address) -> None:
        with Imported(address) as first:
            for _ in range(3):
                with pytest.raises(Refused) as refused:
                    Imported(address)
                assert refused.value.status == ST_DEV_BUSY
            assert first.control(GET_DEVICE_DESCRIPTOR) is not None
            assert len(device_list(address)) == 2
        import_once_free(address).close()

    def test_none_is_a_list_too(self) -> None:
        with UsbipServer([], port=0) as server:
            assert device_list(server.address) == []


class TestListening:
    def test_by_default_on_this_machine_only(self, port: Port) -> None:
        with UsbipServer([port], port=0) as server:
            assert server.address[0] == "127.0.0.1"
            assert server.is_loopback

    def test_a_port_that_is_in_use(self, address: Address, port: Port) -> None:
        with pytest.raises(
            TransportError, match=rf"^cannot listen on 127.0.0.1:{address[1]}: Address already"
        ):
            UsbipServer([port], *address).__enter__()
        with Connection(address) as connection:
            connection.send(request_devlist())
            assert connection.receive(4) == bytes.fromhex("0111 0005")

    def test_a_host_that_is_none(self, port: Port) -> None:
        with pytest.raises(TransportError, match=r"^cannot listen on 256\.1\.1\.1:0: "):
            UsbipServer([port], "256.1.1.1", 0).__enter__()

    def test_the_port_is_free_afterwards(self, port: Port) -> None:
        with UsbipServer([port], port=0) as server:
            address = server.address
            Imported(address).close()
        with UsbipServer([port], *address) as server:
            assert len(device_list(server.address)) == 1
