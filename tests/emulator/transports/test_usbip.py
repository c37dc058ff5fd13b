"""USB/IP: the bytes of the protocol, whole DFU sessions, held answers, departures."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from struct import pack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Attached, Occurrence, Port
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports import TransportError
from dfu_emulator.transports.usbip import UsbipServer
from dfu_emulator.transports.usbip.session import MAX_PENDING
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from emulator.host import CONFIGURE, FLASH, TRANSFER_SIZE, variant
from emulator.transports.usbip_client import (
    ECONNRESET,
    ENOENT,
    EOVERFLOW,
    EPIPE,
    ESHUTDOWN,
    RET_SUBMIT,
    RET_UNLINK,
    ST_DEV_BUSY,
    ST_NODEV,
    TIME_LIMIT,
    Address,
    Connection,
    Imported,
    Refused,
    RemoteHost,
    device_list,
    import_once_free,
    request_devlist,
    request_import,
)

GET_DEVICE_DESCRIPTOR = SetupPacket(0x80, 6, 0x0100, 0, 18)
GET_CONFIGURATION = SetupPacket(0x80, 8, 0, 0, 1)
GET_STATUS = SetupPacket.dfu(Request.GETSTATUS, wLength=6)
GET_STATE = SetupPacket.dfu(Request.GETSTATE, wLength=1)
PORT_RESET = SetupPacket(0x23, 3, 4)
MASS_ERASE, READ_UNPROTECT = b"\x41", b"\x92"
ERASE_16K = b"\x41" + FLASH.to_bytes(4, "little")

Serve = Callable[..., tuple[Address, Port]]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def port(stack: ExitStack, f405: Profile) -> Port:
    return stack.enter_context(emulated(f405))


@pytest.fixture
def address(stack: ExitStack, port: Port) -> Address:
    return stack.enter_context(UsbipServer([port], port=0)).address


@pytest.fixture
def slow(stack: ExitStack, f405: Profile) -> Port:
    """A chip that takes its time: 400 ms for a sector of 16 KiB, 16 s for all."""
    return stack.enter_context(emulated(f405, timing="real"))


@pytest.fixture
def slow_address(stack: ExitStack, slow: Port) -> Address:
    return stack.enter_context(UsbipServer([slow], port=0)).address


def padded(text: str, size: int) -> bytes:
    return text.encode().ljust(size, b"\0")


def dnload(data: bytes, block: int = 0) -> SetupPacket:
    return SetupPacket.dfu(Request.DNLOAD, block, len(data))


def leave(port: Port) -> None:
    """Have the device leave, by a host in this process."""
    port.configure()
    port.control(SetupPacket.dfu(Request.CLRSTATUS))
    port.control(dnload(b""))
    assert port.control(GET_STATUS).departure is not None


class TestBytes:
    """Written out from Documentation/usb/usbip_protocol.rst."""

    DEVICE = (
        padded("/sys/devices/dfu-emulator/usb1/1-1", 256)
        + padded("1-1", 32)
        + bytes.fromhex("00000001 00000002 00000002")  # busnum, devnum, full speed
        + bytes.fromhex("0483 DF11 2200")  # idVendor, idProduct, bcdDevice
        + bytes.fromhex("00 00 00 01 01 01")  # classes; configuration 1 of 1, 1 interface
    )

    def test_devlist(self, address: Address) -> None:
        with Connection(address) as connection:
            connection.send(bytes.fromhex("0111 8005 00000000"))
            assert connection.rest() == (
                bytes.fromhex("0111 0005 00000000 00000001") + self.DEVICE + bytes.fromhex("FE 01 02 00")
            )

    def test_import(self, address: Address) -> None:
        with Connection(address) as connection:
            connection.send(bytes.fromhex("0111 8003 00000000") + padded("1-1", 32))
            assert connection.receive(8 + 312) == bytes.fromhex("0111 0003 00000000") + self.DEVICE
            connection.send(
                bytes.fromhex("00000001 00000D05 00010002 00000001 00000000")  # SUBMIT to devid 1-2, IN, ep 0
                + bytes.fromhex("00000200 00000040 00000000 FFFFFFFF 00000000")  # 64 bytes, not isochronous
                + bytes.fromhex("80 06 0001 0000 4000")  # the device descriptor
            )
            assert connection.receive(48 + 18) == (
                bytes.fromhex("00000003 00000D05 00000000 00000000 00000000")
                + bytes.fromhex("00000000 00000012 00000000 FFFFFFFF 00000000 0000000000000000")
                + bytes.fromhex("12 01 0001 00 00 00 40 8304 11DF 0022 01 02 03 01")
            )
            connection.send(
                bytes.fromhex("00000002 00000D06 00010002 00000000 00000000 00000D05") + bytes(24)
            )
            assert connection.receive(48) == (
                bytes.fromhex("00000004 00000D06 00000000 00000000 00000000 00000000") + bytes(24)
            )

    def test_refused_import_is_a_header_alone(self, address: Address) -> None:
        with Connection(address) as connection:
            connection.send(bytes.fromhex("0111 8003 00000000") + padded("1-9", 32))
            assert connection.rest() == bytes.fromhex("0111 0003 00000004")

    def test_a_request_may_come_in_pieces(self, address: Address) -> None:
        with Connection(address) as connection:
            for byte in request_import("1-1"):
                connection.send(bytes((byte,)))
            assert connection.receive(8) == bytes.fromhex("0111 0003 00000000")


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


class TestTransfers:
    @pytest.fixture
    def device(self, stack: ExitStack, address: Address) -> Imported:
        return stack.enter_context(Imported(address))

    def test_a_fresh_device_is_not_configured(self, port: Port, address: Address) -> None:
        port.configure()
        with Imported(address) as device:
            assert device.control(GET_CONFIGURATION) == b"\0"
            assert device.control(GET_STATUS) is None
            assert device.control(CONFIGURE) == b""
            assert device.control(GET_CONFIGURATION) == b"\1"
        with import_once_free(address) as device:
            assert device.control(GET_CONFIGURATION) == b"\0"

    def test_an_import_is_a_bus_reset_to_the_bootloader(self, port: Port, address: Address) -> None:
        with Imported(address) as device:
            RemoteHost(device, port).idle().upload(2, 16)
            assert device.control(GET_STATE) == bytes((State.UPLOAD_IDLE,))
        with import_once_free(address) as device:
            assert device.control(CONFIGURE) == b""
            assert device.control(GET_STATE) == bytes((State.DFU_IDLE,))
            assert device.control(SetupPacket.dfu(Request.UPLOAD, 1, 16)) is None
        with import_once_free(address) as device:
            assert device.control(CONFIGURE) == b""
            assert device.control(GET_STATE) == bytes((State.ERROR,))

    def test_alternate_settings_reach_the_device(self, device: Imported, port: Port) -> None:
        assert device.control(CONFIGURE) == b""
        assert device.control(SetupPacket(0x01, 11, 2)) == b""
        assert port.device.alternate_setting == 2
        assert device.control(SetupPacket(0x01, 11, 9)) is None

    def test_a_stall_brings_nothing(self, device: Imported) -> None:
        for setup in (SetupPacket(0x80, 6, 0x0600, 0, 10), SetupPacket(0x21, 99)):
            device.submit(setup)
            answer = device.returned()
            assert (answer.status, answer.actual_length, answer.data) == (EPIPE, 0, b"")

    def test_other_endpoints_are_none(self, device: Imported) -> None:
        device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, ep=1))
        assert device.returned().status == ENOENT
        device.send(device.pack_submit(dnload(b"data"), b"data", ep=1))
        assert device.returned().status == ENOENT
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_more_than_the_host_has_room_for(self, device: Imported) -> None:
        device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, length=8))
        answer = device.returned()
        assert (answer.status, answer.actual_length) == (EOVERFLOW, 8)
        assert answer.data == bytes.fromhex("12 01 0001 00 00 00 40")

    def test_an_in_request_without_data_goes_the_other_way(self, device: Imported) -> None:
        """As usbfs has it: a transfer of 0 bytes is an OUT, whatever its SETUP packet says."""
        assert device.control(GET_DEVICE_DESCRIPTOR._replace(wLength=0)) == b""

    def test_the_largest_transfer(self, device: Imported) -> None:
        setup = SetupPacket(0x80, 6, 0x0200, 0, 0xFFFF)
        assert len(device.control(setup) or b"") == 54
        data = bytes(0xFFFF)
        assert device.control(SetupPacket.dfu(Request.DNLOAD, 2, len(data)), data) is None
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    @pytest.mark.parametrize("packets", [0, 0xFFFFFFFF, 0x12345678])
    def test_fields_of_isochronous_transfers_go_back_as_they_came(
        self, device: Imported, packets: int
    ) -> None:
        device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, frame=7, packets=packets))
        answer = device.returned()
        assert (answer.status, answer.start_frame, answer.number_of_packets) == (0, 7, packets)

    def test_a_bus_reset_that_the_client_asks_for(self, device: Imported, port: Port) -> None:
        host = RemoteHost(device, port).idle()
        assert device.control(SetupPacket(0x01, 11, 2)) == b""
        host.upload(2, 16)
        assert device.control(PORT_RESET) == b""
        assert host.get_state() is State.DFU_IDLE
        assert (port.device.configuration, port.device.alternate_setting) == (1, 2)

    def test_answers_come_in_the_order_of_the_requests(self, device: Imported) -> None:
        requests = [device.pack_submit(GET_DEVICE_DESCRIPTOR._replace(wLength=n % 19)) for n in range(200)]
        device.send(b"".join(requests))
        answers = [device.returned() for _ in requests]
        assert [answer.seqnum for answer in answers] == list(range(1, 201))
        assert [answer.actual_length for answer in answers] == [n % 19 for n in range(200)]


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


class TestNeverAnswered:
    """GET_DESCRIPTOR for the functional descriptor alone, on a chip that is silent then and slow."""

    LONE = SetupPacket(0x81, 6, 0x2100, 0, 9)

    @pytest.fixture
    def port(self, stack: ExitStack, f405: Profile) -> Port:
        profile = variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)
        return stack.enter_context(emulated(profile, timing="real"))

    @pytest.fixture
    def device(self, stack: ExitStack, port: Port, address: Address) -> Imported:
        device = stack.enter_context(Imported(address))
        RemoteHost(device, port).idle()
        return device

    def test_unlinked(self, device: Imported) -> None:
        unlinking = device.unlink(device.submit(self.LONE))
        answer = device.returned()
        assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, unlinking, ECONNRESET)
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_unlinked_once(self, device: Imported) -> None:
        silent = device.submit(self.LONE)
        answers = []
        for _ in range(2):
            device.unlink(silent)
            answers.append(device.returned().status)
        assert answers == [ECONNRESET, 0]

    @pytest.mark.parametrize("unlinked", [True, False])
    def test_an_answer_that_takes_long_comes_all_the_same(self, device: Imported, unlinked: bool) -> None:
        silent = device.submit(self.LONE)
        if unlinked:
            device.unlink(silent)
            assert device.returned().command == RET_UNLINK
        assert device.control(dnload(ERASE_16K), ERASE_16K) == b""
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNBUSY
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNLOAD_IDLE

    def test_it_does_not_keep_a_device_that_leaves(self, device: Imported, port: Port) -> None:
        device.submit(self.LONE)
        assert device.control(dnload(b"")) == b""
        assert device.control(GET_STATUS) is not None
        assert device.rest() == b""
        assert not port.is_at(2)

    def test_there_is_an_end_to_it(self, device: Imported) -> None:
        for _ in range(MAX_PENDING + 1):
            device.submit(self.LONE)
        assert device.rest() == b""

    def test_the_client_goes_meanwhile(
        self, device: Imported, address: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        device.submit(self.LONE)
        device.close()
        with import_once_free(address) as again:
            assert again.control(GET_DEVICE_DESCRIPTOR) is not None
        assert caplog.text == ""


class TestHeld:
    """The chip takes nothing while an erase goes on that GETSTATUS has started."""

    @pytest.fixture
    def device(self, stack: ExitStack, slow: Port, slow_address: Address) -> Imported:
        device = stack.enter_context(Imported(slow_address))
        RemoteHost(device, slow).idle()
        return device

    def start(self, device: Imported, job: bytes) -> None:
        assert device.control(dnload(job), job) == b""
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNBUSY

    def test_all_are_answered_in_their_order(self, device: Imported) -> None:
        self.start(device, ERASE_16K)
        held = [device.submit(GET_STATUS), *(device.submit(GET_DEVICE_DESCRIPTOR) for _ in range(3))]
        answers = [device.returned() for _ in held]
        assert [answer.seqnum for answer in answers] == held
        assert StatusReply.parse(answers[0].data) == (Status.OK, 0, State.DNLOAD_IDLE, 0)

    def test_unlinked(self, device: Imported) -> None:
        """What a host's time-out looks like: no answer to the URB, but to its unlinking."""
        self.start(device, MASS_ERASE)
        held = [device.submit(GET_STATUS) for _ in range(3)]
        for seqnum in held:
            unlinking = device.unlink(seqnum)
            answer = device.returned()
            assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, unlinking, ECONNRESET)
        again = device.unlink(held[0])
        answer = device.returned()
        assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, again, 0)
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_unlinked_after_it_was_answered(self, device: Imported) -> None:
        answered = device.submit(GET_DEVICE_DESCRIPTOR)
        assert device.returned().command == RET_SUBMIT
        device.unlink(answered)
        answer = device.returned()
        assert (answer.command, answer.status) == (RET_UNLINK, 0)

    def test_an_unlinked_urb_is_not_answered_later(
        self, device: Imported, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.start(device, ERASE_16K)
        device.unlink(device.submit(GET_STATUS))
        assert device.returned().command == RET_UNLINK
        answer = device.control(GET_STATUS)
        assert StatusReply.parse(answer or b"").bState is State.DNLOAD_IDLE
        assert caplog.text == ""

    def test_the_client_goes_meanwhile(
        self, device: Imported, slow_address: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nothing is written to a connection that is no more: asyncio would log it from the fifth time on."""
        self.start(device, ERASE_16K)
        for _ in range(10):
            device.submit(GET_STATUS)
        device.close()
        with import_once_free(slow_address) as other:
            assert other.control(CONFIGURE) == b""
            assert other.control(GET_STATE) is not None
        assert caplog.text == ""

    def test_the_device_leaves_after_all_that_it_held(self, device: Imported) -> None:
        self.start(device, ERASE_16K)
        device.send(b"".join(device.pack_submit(setup) for setup in (GET_STATUS, dnload(b""), GET_STATUS)))
        states = [device.returned().data[4:5] for _ in range(3)]
        assert states == [bytes((State.DNLOAD_IDLE,)), b"", bytes((State.MANIFEST,))]
        assert device.rest() == b""

    def test_what_was_unlinked_before_the_device_took_it_never_happened(self, device: Imported) -> None:
        self.start(device, ERASE_16K)
        for setup in (GET_STATUS, dnload(b""), GET_STATUS):
            device.submit(setup)
        last = device.seqnum
        for seqnum in (last - 2, last - 1, last):
            device.unlink(seqnum)
            assert device.returned().status == ECONNRESET
        answer = device.control(GET_STATUS)
        assert StatusReply.parse(answer or b"").bState is State.DNLOAD_IDLE


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
