"""One gadget in configfs with one FunctionFS function, from its folder to its removal."""

import contextlib
import ctypes
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from dfu_emulator.transports.udc import GadgetError
from dfu_emulator.usb_device import UsbDevice

GADGETS = Path("/sys/kernel/config/usb_gadget")
MOUNT_POINTS = Path("/run")
"""Where the gadgets' FunctionFS are mounted, each in a folder with the gadget's name."""
_PREFIX = "dfu-emulator-"
_US_ENGLISH = "strings/0x409"
_NOT_SUPPORTED = 524
"""The kernel's ENOTSUPP, which has no name in user space."""

_numbers = itertools.count()
_ours: set[str] = set()
_libc = ctypes.CDLL(None, use_errno=True)


class ConfigfsGadget:
    """A gadget's folder. ``create`` makes it, ``remove`` undoes that in the reverse order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = GADGETS / name
        self.mount_point = MOUNT_POINTS / name
        """Where its FunctionFS is mounted."""

    @property
    def bound_to(self) -> str:
        """The controller that the gadget uses, empty if none."""
        return (self.folder / "UDC").read_text().strip()

    def bind(self, controller: str) -> None:
        """Connect to the bus. Raises GadgetError."""
        try:
            (self.folder / "UDC").write_text(controller)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise GadgetError(f"the USB device controller {controller} is in use") from None
            reason = "unsupported" if error.errno == _NOT_SUPPORTED else error.strerror
            raise GadgetError(f"the kernel cannot use {controller} for the gadget: {reason}") from None

    def unbind(self) -> None:
        """Leave the bus."""
        (self.folder / "UDC").write_text("\n")

    def remove(self) -> None:
        """Take down everything, as far as it is there; nobody may have the function's files open."""
        if not self.folder.exists():
            return
        if self.bound_to:
            self.unbind()
        for configuration in _folders(self.folder / "configs"):
            for entry in configuration.iterdir():
                if entry.is_symlink():
                    entry.unlink()
            configuration.rmdir()
        if self.mount_point.is_mount():
            _call("umount2", os.fsencode(self.mount_point), 0)
        with contextlib.suppress(FileNotFoundError):
            self.mount_point.rmdir()
        for folder in (*_folders(self.folder / "functions"), *_folders(self.folder / "strings")):
            folder.rmdir()
        self.folder.rmdir()
        _ours.discard(self.name)


def create(device: UsbDevice) -> ConfigfsGadget:
    """A gadget with the ids and strings of ``device`` and a mounted FunctionFS. Raises GadgetError."""
    if not GADGETS.is_dir():
        raise GadgetError(
            f"{GADGETS} is missing: 'sudo modprobe libcomposite' and, if it is not mounted, "
            "'sudo mount -t configfs configfs /sys/kernel/config'"
        )
    gadget = ConfigfsGadget(f"{_PREFIX}{os.getpid()}-{next(_numbers)}")
    with contextlib.ExitStack() as undo:
        try:
            gadget.folder.mkdir()
            _ours.add(gadget.name)
            undo.callback(gadget.remove)
            _fill(gadget, device)
        except PermissionError:
            raise GadgetError("a gadget can only be set up by root") from None
        except OSError as error:
            raise GadgetError(f"the gadget cannot be set up: {error}") from None
        undo.pop_all()
    return gadget


def remove_stale() -> None:
    """Remove the gadgets of processes that were killed."""
    for gadget in _stale():
        gadget.remove()


def _stale() -> Iterator[ConfigfsGadget]:
    for folder in _folders(GADGETS):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if folder.name.startswith(_PREFIX) and owner.isdigit() and not _is_served(folder.name, int(owner)):
            yield ConfigfsGadget(folder.name)


def _is_served(name: str, owner: int) -> bool:
    if owner == os.getpid():
        return name in _ours
    return Path(f"/proc/{owner}").exists()


def _fill(gadget: ConfigfsGadget, device: UsbDevice) -> None:
    usb = device.profile.usb
    attributes = {
        "idVendor": f"{usb.idVendor:#06x}",
        "idProduct": f"{usb.idProduct:#06x}",
        "bcdDevice": f"{usb.bcdDevice:#06x}",
        "bcdUSB": f"{usb.bcdUSB:#06x}",
        "max_speed": "full-speed",
        f"{_US_ENGLISH}/manufacturer": usb.manufacturer,
        f"{_US_ENGLISH}/product": usb.product,
        f"{_US_ENGLISH}/serialnumber": device.serial,
        "configs/c.1/bmAttributes": f"{usb.configuration.bmAttributes:#04x}",
        "configs/c.1/MaxPower": f"{usb.configuration.bMaxPower * 2}",
    }
    (gadget.folder / _US_ENGLISH).mkdir()
    (gadget.folder / "configs/c.1").mkdir()
    for name, value in attributes.items():
        (gadget.folder / name).write_text(value)
    function = gadget.folder / "functions" / f"ffs.{gadget.name}"
    try:
        function.mkdir()
    except FileNotFoundError:
        raise GadgetError("the kernel has no FunctionFS: 'sudo modprobe usb_f_fs'") from None
    gadget.mount_point.mkdir(mode=0o700)
    _call("mount", gadget.name.encode(), os.fsencode(gadget.mount_point), b"functionfs", 0, None)
    (gadget.folder / "configs/c.1" / function.name).symlink_to(function)


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
