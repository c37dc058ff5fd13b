"""The USB/IP server: what clients ask before an import, and who may have how many connections."""

import asyncio
import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Sequence
from types import TracebackType

from dfu_emulator.port import Detached, DeviceGone, Occurrence, Port, Watcher
from dfu_emulator.transports import TransportError
from dfu_emulator.transports.usbip.export import Export
from dfu_emulator.transports.usbip.session import LINGER, ProtocolViolation, Session
from dfu_emulator.transports.usbip.wire import (
    BUSID_SIZE,
    DEVLIST,
    OP_COMMON,
    USB_DEVICE,
    VERSION,
    OpCode,
    OpStatus,
    op_reply,
)

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 3240

MAX_ASKING = 64
"""Connections beside those of importers, of which there is one a device."""
OP_TIMEOUT = 10.0
"""Seconds that a client may take to ask for something."""
_ACCEPT_PAUSE = 1.0
_PATIENCE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 40_000}
"""An importer whose machine has died loses its device within 40 seconds, be the line idle or not."""


class UsbipServer:
    """Context manager: while it is open, clients may import the devices at ``ports`` as 1-1, 1-2, ...

    Raises TransportError where it cannot listen. It serves all clients on one thread of its own: a device
    answers at once, and where it holds an answer back, a timer waits.
    """

    def __init__(self, ports: Sequence[Port], host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        self.exports = [Export(device, number) for number, device in enumerate(ports, 1)]
        self._host, self._port = host, port
        self._by_busid = {export.busid.encode(): export for export in self.exports}
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> "UsbipServer":
        self._socket = _listen(self._host, self._port)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._watchers = [(export.port, self._follow(export)) for export in self.exports]
        for port, watcher in self._watchers:
            port.watch(watcher)
        self._thread = threading.Thread(target=self._run, name="usbip", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for port, watcher in self._watchers:
            port.unwatch(watcher)
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens at."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def is_loopback(self) -> bool:
        """True where only this machine reaches it."""
        return ipaddress.ip_address(self.address[0]).is_loopback

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop.add_reader(self._socket, self._accept)
        for export in self.exports:
            self._await_return(export.port)
        await self._stop.wait()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self) -> None:
        """Accept at once: asyncio's own server loses connections that come while it closes."""
        try:
            client, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # E.g. no file descriptor is left: do not try again and again.
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_ACCEPT_PAUSE, self._loop.add_reader, self._socket, self._accept)
            return
        if len(self._connections) >= MAX_ASKING + len(self.exports):
            client.close()
            return
        connection = self._loop.create_task(self._converse(client))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        # For one that is cancelled before it begins.
        connection.add_done_callback(lambda _: client.close())

    async def _converse(self, client: socket.socket) -> None:
        client.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            with contextlib.suppress(
                ProtocolViolation, asyncio.IncompleteReadError, ConnectionError, TimeoutError
            ):
                await self._talk(reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(LINGER):
                    await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(OP_TIMEOUT):
            asked = OP_COMMON.parse(await reader.readexactly(OP_COMMON.sizeof()))
            if asked.version != VERSION:
                raise ProtocolViolation(f"version {asked.version:#06x}")
            if asked.code == OpCode.REQ_DEVLIST:
                writer.write(self._list())
                return
            if asked.code != OpCode.REQ_IMPORT:
                raise ProtocolViolation(f"code {asked.code:#06x}")
            busid = (await reader.readexactly(BUSID_SIZE)).split(b"\0")[0]
        await self._import(busid, reader, writer)

    def _list(self) -> bytes:
        entries = [
            {"device": export.describe(), "interfaces": export.describe_interfaces()}
            for export in self.exports
            if export.port.attached
        ]
        built: bytes = DEVLIST.build(entries)
        return op_reply(OpCode.REP_DEVLIST, OpStatus.OK) + built

    async def _import(self, busid: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        export = self._by_busid.get(busid)
        if export is None:
            writer.write(op_reply(OpCode.REP_IMPORT, OpStatus.NODEV))
            return
        if export.session is not None:
            writer.write(op_reply(OpCode.REP_IMPORT, OpStatus.DEV_BUSY))
            return
        try:
            # It moves to another machine's bus.
            export.port.reset()
        except DeviceGone:
            writer.write(op_reply(OpCode.REP_IMPORT, OpStatus.NODEV))
            return
        session = Session(export.port, export.devid, reader, writer)
        export.session = session
        try:
            _prepare(writer)
            writer.write(op_reply(OpCode.REP_IMPORT, OpStatus.OK) + USB_DEVICE.build(export.describe()))
            await session.run()
        finally:
            if export.session is session:
                export.session = None

    def _follow(self, export: Export) -> Watcher:
        """A watcher for departures; it is called on any thread, with the port locked."""

        def follow(occurrence: Occurrence) -> None:
            if isinstance(occurrence, Detached):
                self._loop.call_soon_threadsafe(self._departed, export, export.port.address)

        return follow

    def _departed(self, export: Export, address: int) -> None:
        session = export.session
        if session is not None and session.address == address:
            export.session = None
            session.leave()
        self._await_return(export.port)

    def _await_return(self, port: Port) -> None:
        """Look at the port when its device is due, because it only comes back once somebody looks."""
        if not port.attached and (due := port.returns_at) is not None:
            self._loop.call_later((due - port.clock.now()) / 1e6, self._await_return, port)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=MAX_ASKING)
    except OSError as error:
        # Python adds words of its own to the reason, in some versions.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise TransportError(f"cannot listen on {host}:{port}: {reason}") from None
    listening.setblocking(False)
    return listening


def _prepare(writer: asyncio.StreamWriter) -> None:
    """Small answers go out at once, and an importer that is no more is noticed."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PATIENCE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
