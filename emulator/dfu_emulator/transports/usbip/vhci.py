"""Linux' client: hands connections to a server of this process to vhci_hcd, as ``usbip attach`` does."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from dfu_emulator.transports import TransportError
from dfu_emulator.transports.usbip.export import Export
from dfu_emulator.transports.usbip.server import UsbipServer
from dfu_emulator.transports.usbip.wire import (
    BUSID_SIZE,
    OP_COMMON,
    SPEED_FULL,
    USB_DEVICE,
    VERSION,
    OpCode,
    OpStatus,
)

_CONTROLLER = Path("/sys/devices/platform/vhci_hcd.0")
_HIGH_SPEED_HUB, _FREE = "hs", "004"
"""Of the columns of status: the hub for all devices below SuperSpeed, and VDEV_ST_NULL."""
_LOOK = 0.1


class Importer:
    """Context manager: while it is open, this machine has the devices of ``server``, also once they are back.

    Needs root. Raises TransportError where vhci_hcd is not loaded.
    """

    def __init__(self, server: UsbipServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._import_all, name="vhci", daemon=True)

    def __enter__(self) -> "Importer":
        if not _CONTROLLER.exists():
            raise TransportError("USB/IP needs the module vhci_hcd here: sudo modprobe vhci-hcd")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _import_all(self) -> None:
        while not self._stop.wait(_LOOK):
            for export in self._server.exports:
                if export.port.attached and export.session is None:
                    with suppress(OSError):  # it has just left, or vhci_hcd has no port free yet
                        self._import(export)

    def _import(self, export: Export) -> None:
        with socket.create_connection(self._server.address) as connection:
            connection.sendall(
                OP_COMMON.build({"version": VERSION, "code": OpCode.REQ_IMPORT, "status": OpStatus.OK})
                + export.busid.encode().ljust(BUSID_SIZE, b"\0")
            )
            reply = OP_COMMON.parse(_receive(connection, OP_COMMON.sizeof()))
            if reply.status != OpStatus.OK:
                return
            _receive(connection, USB_DEVICE.sizeof())
            # The kernel goes on with the connection, whatever becomes of our end.
            attach = f"{_free_port()} {connection.fileno()} {export.devid} {SPEED_FULL}"
            (_CONTROLLER / "attach").write_text(attach)


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := connection.recv(size - len(data))):
            raise ConnectionResetError
        data += part
    return data


def _free_port() -> int:
    for line in (_CONTROLLER / "status").read_text().splitlines():
        hub, port, state, *_ = line.split()
        if (hub, state) == (_HIGH_SPEED_HUB, _FREE):
            return int(port)
    raise OSError("no port of vhci_hcd is free")
