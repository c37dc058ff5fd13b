"""A USB/IP client for the tests, written from the protocol's documentation, on its own structures."""

import socket
import struct
import time
from dataclasses import dataclass
from typing import Self

from dfu_emulator.bootloader import Reply
from dfu_emulator.port import Port
from dfu_emulator.timing import ManualClock
from dfu_protocol import Request, SetupPacket
from emulator.host import CONFIGURE, Host

Address = tuple[str, int]

TIME_LIMIT = 60
"""Seconds after which a server that does not answer has failed the test."""

VERSION = 0x0111
REQ_DEVLIST, REQ_IMPORT = 0x8005, 0x8003
ST_OK, ST_DEV_BUSY, ST_NODEV = 0, 2, 4
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
EPIPE, ENOENT, ECONNRESET, ESHUTDOWN, EOVERFLOW = -32, -2, -104, -108, -75

_OP = struct.Struct(">HHI")
_DEVICE = struct.Struct(">256s32sIIIHHHBBBBBB")
_SUBMIT = struct.Struct(">IIIIIIIIII8s")
_UNLINK = struct.Struct(">IIIIII24x")
_RETURN = struct.Struct(">IIIIIiIIII8s")
DEVICE_SIZE, INTERFACE_SIZE = _DEVICE.size, 4


class Refused(Exception):
    """The server does not let the device be imported."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Failed(Exception):
    """A URB that ended with another status than 0 or a STALL."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True)
class RemoteDevice:
    """What a server tells of a device."""

    path: str
    busid: str
    busnum: int
    devnum: int
    speed: int
    idVendor: int
    idProduct: int
    bcdDevice: int
    bDeviceClass: int
    bDeviceSubClass: int
    bDeviceProtocol: int
    bConfigurationValue: int
    bNumConfigurations: int
    bNumInterfaces: int

    @classmethod
    def parse(cls, data: bytes) -> "RemoteDevice":
        path, busid, *numbers = _DEVICE.unpack(data)
        return cls(path.rstrip(b"\0").decode(), busid.rstrip(b"\0").decode(), *numbers)


@dataclass(frozen=True)
class Returned:
    """USBIP_RET_SUBMIT or USBIP_RET_UNLINK."""

    command: int
    seqnum: int
    status: int
    actual_length: int
    start_frame: int
    number_of_packets: int
    data: bytes


class Connection:
    """A TCP connection to a server."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, timeout=TIME_LIMIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Exactly ``size`` bytes; EOFError where the server has closed the connection before."""
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise EOFError(f"{len(data)} of {size} bytes")
            data += more
        return data

    def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        data = b""
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more


def request_devlist() -> bytes:
    return _OP.pack(VERSION, REQ_DEVLIST, 0)


def request_import(busid: str) -> bytes:
    return _OP.pack(VERSION, REQ_IMPORT, 0) + busid.encode().ljust(32, b"\0")


def device_list(address: Address) -> list[RemoteDevice]:
    """What the server exports. It closes the connection after that."""
    with Connection(address) as connection:
        connection.send(request_devlist())
        version, code, status, count = struct.unpack(">HHII", connection.receive(12))
        assert (version, code, status) == (VERSION, 0x0005, ST_OK)
        devices = []
        for _ in range(count):
            device = RemoteDevice.parse(connection.receive(DEVICE_SIZE))
            connection.receive(INTERFACE_SIZE * device.bNumInterfaces)
            devices.append(device)
        assert connection.rest() == b""
        return devices


class Imported(Connection):
    """An imported device. Raises Refused where it cannot be had."""

    def __init__(self, address: Address, busid: str = "1-1") -> None:
        super().__init__(address)
        try:
            self.send(request_import(busid))
            version, code, status = _OP.unpack(self.receive(_OP.size))
            assert (version, code) == (VERSION, 0x0003)
            if status != ST_OK:
                assert self.rest() == b""
                raise Refused(status)
            self.device = RemoteDevice.parse(self.receive(DEVICE_SIZE))
        except BaseException:
            self.close()
            raise
        assert self.device.busid == busid
        self.devid = self.device.busnum << 16 | self.device.devnum
        self._seqnum = 0
        self._is_in: dict[int, bool] = {}

    def pack_submit(
        self,
        setup: SetupPacket,
        data: bytes = b"",
        *,
        ep: int = 0,
        length: int | None = None,
        is_in: bool | None = None,
        frame: int = 0,
        packets: int = 0,
    ) -> bytes:
        """USBIP_CMD_SUBMIT as vhci_hcd sends it, unless a test says otherwise."""
        if is_in is None:
            is_in = setup.is_in and setup.wLength > 0
        if length is None:
            length = setup.wLength
        self._seqnum += 1
        self._is_in[self._seqnum] = is_in
        fields = (CMD_SUBMIT, self._seqnum, self.devid, int(is_in), ep, 0x200, length, frame, packets, 0)
        return _SUBMIT.pack(*fields, setup.build()) + data

    def pack_unlink(self, seqnum: int) -> bytes:
        self._seqnum += 1
        return _UNLINK.pack(CMD_UNLINK, self._seqnum, self.devid, 0, 0, seqnum)

    @property
    def seqnum(self) -> int:
        """Of what was packed last."""
        return self._seqnum

    def submit(self, setup: SetupPacket, data: bytes = b"") -> int:
        self.send(self.pack_submit(setup, data))
        return self._seqnum

    def unlink(self, seqnum: int) -> int:
        self.send(self.pack_unlink(seqnum))
        return self._seqnum

    def returned(self) -> Returned:
        """The next answer. What the protocol says of all answers is checked here."""
        fields = _RETURN.unpack(self.receive(_RETURN.size))
        command, seqnum, devid, direction, ep, status, length, frame, packets, errors, padding = fields
        assert (devid, direction, ep, errors, padding) == (0, 0, 0, 0, bytes(8))
        assert command in (RET_SUBMIT, RET_UNLINK)
        data = b""
        if command == RET_SUBMIT and self._is_in.pop(seqnum):
            data = self.receive(length)
        if command == RET_UNLINK:
            assert (length, frame, packets) == (0, 0, 0)
        return Returned(command, seqnum, status, length, frame, packets, data)

    def control(self, setup: SetupPacket, data: bytes = b"") -> bytes | None:
        """One control transfer: what it brings, None for a STALL; Failed for another status."""
        seqnum = self.submit(setup, data)
        answer = self.returned()
        assert (answer.command, answer.seqnum) == (RET_SUBMIT, seqnum)
        if answer.status == EPIPE:
            return None
        if answer.status:
            raise Failed(answer.status)
        if not answer.data:
            assert answer.actual_length == len(data)
        return answer.data


def import_once_free(address: Address, busid: str = "1-1") -> Imported:
    """Import a device of which the last importer has just gone: the server may not have seen it yet."""
    limit = time.monotonic() + TIME_LIMIT
    while True:
        try:
            return Imported(address, busid)
        except Refused as refused:
            if refused.status != ST_DEV_BUSY or time.monotonic() > limit:
                raise


class RemoteHost(Host):
    """The host of the tests, with an imported device. ``port`` is for looking at the device only."""

    def __init__(self, imported: Imported, port: Port) -> None:
        super().__init__(port, ManualClock())
        self.imported = imported
        assert imported.control(CONFIGURE) == b""

    def dfu(self, request: Request, block: int = 0, length: int = 0, data: bytes = b"") -> Reply:
        return Reply(self.imported.control(SetupPacket.dfu(request, block, length or len(data)), data))
