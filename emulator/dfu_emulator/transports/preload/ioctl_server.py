"""Serves libumockdev-preload's ioctl socket: a program's ioctl() on an emulated device node ends up here.

The protocol is umockdev's own, between its library and its preload library (0.14 and newer), and has no
version; ``tests`` hold it against the installed one. Every message of the client is three native longs. An
ioctl is answered by any number of memory accesses, which the client carries out on its own memory, and
then by DONE with the return value and errno.
"""

import contextlib
import errno
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Protocol

_MESSAGE = Struct("@LLL")
_SIGNED = 1 << (_MESSAGE.size // 3 * 8)

_REQ_IOCTL, _REQ_RESULT, _REQ_READ, _REQ_WRITE = 1, 2, 7, 8
_RES_DONE, _RES_RUN, _RES_READ_MEM, _RES_WRITE_MEM = 3, 4, 5, 6

_POLL_INTERVAL = 0.02
"""Seconds within which a server stops when told to."""


class ClientMemory(Protocol):
    """The memory of the program that called ioctl()."""

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes from ``address``."""

    def write(self, address: int, data: bytes) -> None:
        """Store ``data`` at ``address`` before the ioctl returns."""


class OpenFile(Protocol):
    """A device node that a program has open."""

    def ioctl(self, request: int, argument: int, memory: ClientMemory) -> int:
        """Carry out an ioctl: its return value, or OSError with the errno."""

    def close(self) -> None:
        """The program has closed the node, or has ended."""


class _Disconnected(Exception):
    """The client has closed its socket."""


class _Handler(socketserver.BaseRequestHandler):
    """One connection: one open device node."""

    server: "IoctlServer"

    def setup(self) -> None:
        self._answer: list[bytes] = []

    def handle(self) -> None:
        opened = self.server.open_file()
        try:
            with contextlib.suppress(_Disconnected, ConnectionError):
                while True:
                    self._serve_one(opened)
        finally:
            opened.close()

    def _serve_one(self, opened: OpenFile) -> None:
        kind, first, second = _MESSAGE.unpack(self._receive(_MESSAGE.size))
        if kind == _REQ_IOCTL:
            try:
                result, error = opened.ioctl(first, second, self), 0
            except OSError as failure:
                result, error = -1, failure.errno or errno.EIO
        elif kind in (_REQ_READ, _REQ_WRITE):
            # Reading and writing the node itself is the program's own business: let it.
            self._send(_MESSAGE.pack(_RES_RUN, 0, 0))
            kind, result, error = _MESSAGE.unpack(self._receive(_MESSAGE.size))
            if kind != _REQ_RESULT:
                raise _Disconnected
        else:
            raise _Disconnected
        self._send(_MESSAGE.pack(_RES_DONE, result % _SIGNED, error))

    def read(self, address: int, size: int) -> bytes:
        self._send(_MESSAGE.pack(_RES_READ_MEM, address, size))
        return self._receive(size)

    def write(self, address: int, data: bytes) -> None:
        # Sent together with what follows: the client takes the messages one by one.
        self._answer += (_MESSAGE.pack(_RES_WRITE_MEM, address, len(data)), data)

    def _send(self, message: bytes) -> None:
        self.request.sendall(b"".join((*self._answer, message)))
        self._answer.clear()

    def _receive(self, size: int) -> bytes:
        data: bytes = self.request.recv(size)
        while len(data) < size:
            more = self.request.recv(size - len(data))
            if not more:
                raise _Disconnected
            data += more
        return data


class IoctlServer(socketserver.ThreadingUnixStreamServer):
    """Listens at ``path``; ``open_file`` is called for each program that opens the node."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: Path, open_file: Callable[[], OpenFile]) -> None:
        super().__init__(str(path), _Handler)
        self.open_file = open_file
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_INTERVAL,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no further connections; those that are open go on."""
        self.shutdown()
        self.server_close()
