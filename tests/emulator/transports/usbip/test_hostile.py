"""USB/IP clients that break the protocol: they are put out, and nobody else notices."""

import gc
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.transports.usbip import UsbipServer, server, session
from dfu_protocol import Request, SetupPacket
from emulator.chips import stm32f405
from emulator.host import CONFIGURE, FLASH
from emulator.transports.usbip.client import (
    RET_SUBMIT,
    RET_UNLINK,
    TIME_LIMIT,
    Address,
    Connection,
    Imported,
    RemoteHost,
    device_list,
    import_once_free,
    request_devlist,
    request_import,
)
from emulator.transports.usbip.setups import GET_DEVICE_DESCRIPTOR, GET_STATUS, MASS_ERASE


@pytest.fixture
def ports(f405: Profile) -> Iterator[list[Port]]:
    """The first is for the hostile client, the second for one that must not notice."""
    with ExitStack() as stack:
        yield [stack.enter_context(emulated(f405, timing=timing)) for timing in ("real", "fast")]


@pytest.fixture
def address(ports: list[Port]) -> Iterator[Address]:
    with UsbipServer(ports, port=0) as running:
        yield running.address


@pytest.fixture
def bystander(address: Address, ports: list[Port]) -> Iterator[Imported]:
    """A client that is there all along: at the end it still reads what it wrote at the beginning."""
    with Imported(address, "1-2") as device:
        host = RemoteHost(device, ports[1]).idle()
        host.write(FLASH, b"mine")
        yield device
        assert host.idle().read(FLASH, 4) == b"mine"


@pytest.fixture
def device(address: Address) -> Iterator[Imported]:
    with Imported(address) as imported:
        yield imported


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + TIME_LIMIT
    while not condition():
        assert time.monotonic() < limit


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def hold(device: Imported, count: int) -> None:
    """Have ``count`` URBs that are answered in some seconds at the earliest."""
    assert device.control(CONFIGURE) == b""
    assert device.control(SetupPacket.dfu(Request.CLRSTATUS)) == b""
    assert device.control(SetupPacket.dfu(Request.DNLOAD, 0, 1), MASS_ERASE) == b""
    assert device.control(GET_STATUS) is not None
    device.send(b"".join(device.pack_submit(GET_STATUS) for _ in range(count)))


def stuff(device: Imported, bystander: Imported) -> None:
    """Send requests and read no answer, until the server takes no more."""
    device.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    device.socket.setblocking(False)
    packets = device.pack_unlink(0) * 1000
    sent = 0
    while select.select([], [device.socket], [], 1)[1]:
        sent += device.socket.send(packets[sent % 48 :])
        assert sent < 64 << 20  # there would be as much of answers
    assert bystander.control(GET_DEVICE_DESCRIPTOR) is not None


class TestBeforeAnImport:
    @pytest.mark.parametrize(
        "request_",
        [
            bytes.fromhex("0106 8005 00000000"),  # another version
            bytes.fromhex("0111 8002 00000000") + request_import("1-1")[8:],  # OP_REQ_DEVINFO
            bytes.fromhex("0111 0005 00000000"),  # a reply
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0" * 4096,
            b"\xff" * 65536,
        ],
    )
    def test_what_is_no_request_is_not_answered(
        self, bystander: Imported, address: Address, request_: bytes
    ) -> None:
        with Connection(address) as connection:
            connection.send(request_)
            assert connection.rest() == b""

    @pytest.mark.parametrize("begin", [b"", b"\x01", request_import("1-1")[:-1]])
    def test_one_that_does_not_finish_its_request(
        self, bystander: Imported, address: Address, monkeypatch: pytest.MonkeyPatch, begin: bytes
    ) -> None:
        monkeypatch.setattr(server, "OP_TIMEOUT", 0.05)
        with Connection(address) as connection:
            connection.send(begin)
            assert connection.rest() == b""

    def test_one_that_hangs_up(self, bystander: Imported, address: Address) -> None:
        for request in (b"", b"\x01", request_devlist(), request_import("1-1")[:20]):
            with Connection(address) as connection:
                connection.send(request)
        assert len(device_list(address)) == 2

    def test_the_number_of_connections_is_bounded(
        self, bystander: Imported, address: Address, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "MAX_ASKING", 3)
        room = 4  # for three, and for the importer of a second device
        idle = [Connection(address) for _ in range(room)]
        for _ in range(20):
            with Connection(address) as refused:
                assert refused.rest() == b""
        for connection in idle:
            connection.close()

        def served() -> bool:
            with Connection(address) as connection:
                try:
                    connection.send(request_devlist())
                except (BrokenPipeError, ConnectionResetError):
                    return False
                return len(connection.rest()) > 0

        until(served)

    def test_connections_are_given_back(self, bystander: Imported, address: Address) -> None:
        threads, before = threading.active_count(), open_files()
        connections = [Connection(address) for _ in range(40)]
        assert threading.active_count() == threads
        for connection in connections:
            connection.send(random.Random(7).randbytes(64))
            connection.close()
        until(lambda: open_files() == before)


class TestAfterAnImport:
    @pytest.mark.parametrize(
        "change",
        [
            lambda d: d.pack_submit(GET_DEVICE_DESCRIPTOR, length=64 * 1024 + 1),
            lambda d: d.pack_submit(GET_DEVICE_DESCRIPTOR, length=0xFFFFFFFF),
            lambda d: d.pack_submit(SetupPacket(0x21, 1), length=0x7FFFFFFF, is_in=False),
            lambda d: d.pack_submit(SetupPacket(0x21, 1), length=0x7FFFFFFF, is_in=False, ep=3),
            lambda d: bytes(48),
            lambda d: b"\xff" * 48,
            lambda d: RET_SUBMIT.to_bytes(4, "big") + d.pack_submit(GET_DEVICE_DESCRIPTOR)[4:],
            lambda d: RET_UNLINK.to_bytes(4, "big") + d.pack_unlink(1)[4:],
            lambda d: request_devlist() + bytes(40),
        ],
        ids=[
            "64 KiB + 1",
            "4 GiB in",
            "2 GiB out",
            "2 GiB to ep 3",
            "0",
            "FF",
            "RET_SUBMIT",
            "RET_UNLINK",
            "op",
        ],
    )
    def test_a_violation_ends_the_connection(
        self,
        bystander: Imported,
        device: Imported,
        address: Address,
        change: Callable[[Imported], bytes],
    ) -> None:
        device.send(change(device))
        assert device.rest() == b""
        with import_once_free(address) as again:
            assert again.control(GET_DEVICE_DESCRIPTOR) is not None

    @pytest.mark.parametrize("busid", ["1-2", "1-1"])
    def test_another_clients_device_is_out_of_reach(
        self, bystander: Imported, device: Imported, busid: str
    ) -> None:
        device.devid = {"1-2": bystander.devid, "1-1": device.devid + 0x10000}[busid]
        device.submit(SetupPacket.dfu(Request.DETACH))
        assert device.rest() == b""

    def test_a_seqnum_twice(self, bystander: Imported, device: Imported) -> None:
        hold(device, 1)
        packet = device.pack_submit(GET_STATUS)
        device.send(packet + packet)
        assert device.rest() == b""

    def test_the_number_of_held_urbs_is_bounded(
        self, bystander: Imported, device: Imported, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "MAX_PENDING", 8)
        hold(device, 8)
        device.unlink(device.seqnum)
        assert device.returned().command == RET_UNLINK
        device.send(b"".join(device.pack_submit(GET_STATUS) for _ in range(2)))
        assert device.rest() == b""

    def test_an_unlink_storm(self, bystander: Imported, device: Imported) -> None:
        hold(device, 5)
        held = range(device.seqnum - 4, device.seqnum + 1)
        rng = random.Random(3)
        unlinked = 0
        for _ in range(100):
            targets = [rng.choice((*held, 0, 1, 0xFFFFFFFF, device.seqnum)) for _ in range(20)]
            device.send(b"".join(device.pack_unlink(target) for target in targets))
            statuses = [device.returned().status for _ in targets]
            assert set(statuses) <= {0, -104}
            unlinked += statuses.count(-104)
        assert unlinked == 5
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_one_that_does_not_read_is_not_read_from(self, bystander: Imported, address: Address) -> None:
        with Imported(address) as device:
            stuff(device, bystander)
        with import_once_free(address) as again:
            assert again.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_one_that_takes_nothing_for_too_long_loses_its_device(
        self, bystander: Imported, address: Address, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_PATIENCE", {"TCP_USER_TIMEOUT": 100})
        with Imported(address) as device:
            with suppress(ConnectionResetError):  # it may be put out while it is still sending
                stuff(device, bystander)
            import_once_free(address).close()

    def test_one_that_does_not_read_when_its_device_leaves(
        self, bystander: Imported, address: Address, ports: list[Port], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "LINGER", 1.0)
        monkeypatch.setattr(server, "LINGER", 1.0)
        monkeypatch.setattr(server, "_PATIENCE", {})  # which would end it as well, but later
        before = open_files()
        with Imported(address) as device:
            assert device.control(CONFIGURE) == b""
            stuff(device, bystander)
            ports[0].control(SetupPacket.dfu(Request.CLRSTATUS))
            ports[0].control(SetupPacket.dfu(Request.DNLOAD))
            ports[0].control(GET_STATUS)
            until(lambda: ports[0].attached)
            Imported(address).close()  # whatever the old connection is still about
            until(lambda: open_files() == before + 1)  # the server's end is gone, ours is not

    def test_a_failure_of_ours_ends_one_connection(
        self,
        bystander: Imported,
        device: Imported,
        address: Address,
        ports: list[Port],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(*_arguments: object) -> None:
            raise RuntimeError("a failure of ours")

        monkeypatch.setattr(ports[0], "control", fail)
        device.submit(GET_DEVICE_DESCRIPTOR)
        assert device.rest() == b""
        monkeypatch.undo()
        with import_once_free(address) as again:
            assert again.control(GET_DEVICE_DESCRIPTOR) is not None
        gc.collect()
        assert "a failure of ours" in caplog.text


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes(bystander: Imported, address: Address, seed: int) -> None:
    rng = random.Random(seed)
    threads, before = threading.active_count(), open_files()
    for _ in range(20):
        with Connection(address) as connection:
            beginning = rng.choice((b"", b"\x01\x11\x80", request_devlist()[:7], request_import("1-1")))
            try:
                connection.send(beginning + rng.randbytes(rng.randrange(1, 5000)))
                connection.socket.shutdown(socket.SHUT_WR)
                connection.rest()
            except OSError:
                pass  # put out while it was still sending
        assert bystander.control(GET_DEVICE_DESCRIPTOR) is not None
    assert threading.active_count() == threads
    until(lambda: open_files() == before)


U32 = st.one_of(st.integers(0, 3), st.integers(0, 0xFFFFFFFF))
SETUPS = st.one_of(
    st.builds(
        SetupPacket,
        st.sampled_from([0x00, 0x01, 0x21, 0x23, 0x80, 0x81, 0xA1, 0xFF]),
        st.integers(0, 12),
        st.sampled_from([0, 1, 2, 4, 0x0100, 0x0200, 0x0303, 0xFFFF]),
        st.sampled_from([0, 1, 0x0409]),
        st.integers(0, 300),
    ),
    st.builds(SetupPacket, *[st.integers(0, 255)] * 2, *[st.integers(0, 0xFFFF)] * 2, st.integers(0, 300)),
)


@st.composite
def submits(draw: st.DrawFn) -> tuple[SetupPacket, dict[str, int | bool | None]]:
    options: dict[str, int | bool | None] = {
        "ep": draw(st.sampled_from([0, 0, 0, 1, 0xFFFFFFFF])),
        "length": draw(st.one_of(st.none(), st.integers(0, 300))),
        "is_in": draw(st.one_of(st.none(), st.booleans())),
        "frame": draw(U32),
        "packets": draw(U32),
    }
    return draw(SETUPS), options


STEPS = st.lists(st.one_of(submits(), U32), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Address, Port]]:
    with emulated(stm32f405()) as port, UsbipServer([port], port=0) as running:
        yield running.address, port


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_each_command_has_its_answer(
    shared: tuple[Address, Port], steps: list[tuple[SetupPacket, dict[str, int | bool | None]] | int]
) -> None:
    """One answer each, in step with the stream, for as long as the device is there."""
    address, port = shared
    expected: list[tuple[int, int]] = []
    with import_once_free(address) as device:
        attachment = port.address
        packets = []
        for step in steps:
            if isinstance(step, int):
                packets.append(device.pack_unlink(step))
                expected.append((RET_UNLINK, device.seqnum))
            else:
                setup, options = step
                is_in, length = options["is_in"], options["length"]
                outgoing = is_in is False or (is_in is None and not (setup.is_in and setup.wLength))
                size = setup.wLength if length is None else int(length)
                data = bytes(size) if outgoing else b""
                packets.append(device.pack_submit(setup, data, **options))  # type: ignore[arg-type]
                expected.append((RET_SUBMIT, device.seqnum))
        device.send(b"".join(packets))
        device.socket.shutdown(socket.SHUT_WR)
        answers = []
        for command, seqnum in expected:
            try:
                answer = device.returned()
            except EOFError:
                break
            assert (answer.command, answer.seqnum) == (command, seqnum)
            answers.append(answer)
        assert device.rest() == b""
    left = port.attached and port.address != attachment
    assert len(answers) == len(expected) or left


@settings(max_examples=150)
@given(noise=st.binary(max_size=300), position=st.integers(0, 400))
def test_noise_in_a_good_stream(shared: tuple[Address, Port], noise: bytes, position: int) -> None:
    address, _port = shared
    with import_once_free(address) as device:
        stream = b"".join(device.pack_submit(GET_DEVICE_DESCRIPTOR) for _ in range(8))
        device.send(stream[:position] + noise + stream[position:])
        device.socket.shutdown(socket.SHUT_WR)
        device.rest()
    with import_once_free(address) as device:
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None
