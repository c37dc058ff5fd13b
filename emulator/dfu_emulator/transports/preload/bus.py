"""A USB bus that exists for the programs started with its environment."""

import ctypes
import os
import shutil
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from dfu_emulator.port import Attached, Detached, Occurrence, Port
from dfu_emulator.transports import TransportError
from dfu_emulator.transports.preload import sysfs, uevents
from dfu_emulator.transports.preload.ioctl_server import IoctlServer
from dfu_emulator.transports.preload.usbfs import Claims, UsbfsFile

LIBRARY = "libumockdev-preload.so.0"
_SUN_PATH_MAX = 107


class PreloadError(TransportError):
    """The preload library cannot be used here; the message says what to do."""


class PreloadBus:
    """Context manager: while it is open, programs with ``environment()`` see the device at ``port``.

    Raises PreloadError where the preload library is missing. The port's clock has to run by itself: a
    ManualClock never gets to the moment at which a device comes back.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._root = Path()
        self._server: IoctlServer | None = None
        self._address = 0
        self._timer: threading.Timer | None = None
        self._undo = ExitStack()

    def __enter__(self) -> "PreloadBus":
        _require_library()
        try:
            self._set_up()
        except OSError as error:
            raise PreloadError(f"the bus cannot be set up in {self._root}: {error.strerror}") from error
        return self

    def _set_up(self) -> None:
        with ExitStack() as undo:
            self._root = _make_root()
            undo.callback(shutil.rmtree, self._root)
            sysfs.create(self._root)
            undo.callback(self._stop)
            self._port.watch(self._follow)
            undo.callback(self._port.unwatch, self._follow)
            if self._port.attached:
                self._plug()
            self._undo = undo.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def environment(self) -> dict[str, str]:
        """The environment variables for a program that is to see the device."""
        preload = os.environ.get("LD_PRELOAD")
        return {
            **os.environ,
            "LD_PRELOAD": f"{LIBRARY}:{preload}" if preload else LIBRARY,
            "UMOCKDEV_DIR": str(self._root),
        }

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.stop()

    def _follow(self, occurrence: Occurrence) -> None:
        """Show what happens at the port. Called with the port locked, so one thing at a time."""
        match occurrence:
            case Detached():
                self._unplug()
                self._await_return()
            case Attached():
                self._plug()

    def _await_return(self) -> None:
        """The port notices that it is time to come back when somebody looks."""
        if self._port.attached or self._port.returns_at is None:
            return
        seconds = max(0, self._port.returns_at - self._port.clock.now()) / 1_000_000
        self._timer = threading.Timer(seconds, self._await_return)
        self._timer.daemon = True
        self._timer.start()

    def _plug(self) -> None:
        self._port.configure()
        self._address = address = self._port.address
        claims = Claims()
        self._server = IoctlServer(
            sysfs.socket_path(self._root, address), lambda: UsbfsFile(self._port, claims, address)
        )
        sysfs.add(self._root, self._port.device, address)
        self._announce("add")

    def _unplug(self) -> None:
        sysfs.remove(self._root, self._address)
        self._announce("remove")
        if self._server is not None:
            sysfs.socket_path(self._root, self._address).unlink()
            self._server.stop()
            self._server = None

    def _announce(self, action: str) -> None:
        properties = sysfs.uevent_properties(self._port.device, self._address)
        uevents.send(self._root, action, sysfs.DEVICE_PATH, properties)


def _require_library() -> None:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        raise PreloadError(
            f"{LIBRARY} is missing: install the package that has it, e.g. 'sudo apt install umockdev'"
        ) from None


def _make_root() -> Path:
    """A fresh folder whose sockets have names that the kernel takes."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it safe
        root = Path(tempfile.mkdtemp(prefix="dfu-emulator-", dir=parent))
        if len(str(sysfs.socket_path(root, 127))) + 1 <= _SUN_PATH_MAX:
            return root
        root.rmdir()
    raise PreloadError(f"the path of the temporary folder, {tempfile.gettempdir()}, is too long; set TMPDIR")
