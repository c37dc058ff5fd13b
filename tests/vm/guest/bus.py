"""The guest's USB: what is on it, and what hosts do with it."""

import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import usb.core
from usb.backend import libusb1

from dfu_protocol import Request, SetupPacket, State, StatusReply
from end_to_end.conftest import Done

PATIENCE = 60
"""Seconds after which something will not happen any more."""
CONTROLLER = Path("/sys/class/udc/dummy_udc.0")
_contexts: list[object] = []
"""Kept to the end: libusb crashes where a device is let go of after its context."""
LINUX = tuple(int(part) for part in platform.release().split(".")[:2])


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until ``condition`` holds; ``what`` is said if it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def chips() -> dict[str, int]:
    """The chips that the host has configured: where they are plugged in (``1-1``), and their numbers."""
    found = {}
    for vendor in Path("/sys/bus/usb/devices").glob("*/idVendor"):
        device = vendor.parent
        try:
            if vendor.read_text() == "0483\n" and (device / "bConfigurationValue").read_text() == "1\n":
                found[device.name] = int((device / "devnum").read_text())
        except OSError:  # it is just leaving
            continue
    return found


def device_number() -> int:
    """The number of the chip on the USB, once the host has configured it; 0 if there is none."""
    return next(iter(chips().values()), 0)


def wait_for_chip(other_than: int = 0) -> int:
    """Wait until the host has the chip, under another number than ``other_than``; returns the number."""
    wait_until(lambda: device_number() not in (0, other_than), "no chip on the bus")
    return device_number()


def wait_for_no_chip() -> None:
    wait_until(lambda: not device_number(), "the chip is still on the bus")


def host(*command: str) -> Done:
    """Run a host's program to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 5, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def dfu_host(*arguments: str) -> Done:
    """Run dfu-host, which has to succeed."""
    done = host(sys.executable, "-m", "dfu_host", *arguments)
    assert done.code == 0, done.output
    return done


def usb_device() -> usb.core.Device:
    """The chip, as PyUSB and libusb have it."""
    libusb1.get_backend()
    # A context learns of later devices from udev, which does not run here: this one is new.
    _contexts.append(libusb1._LibUSB(libusb1._lib))
    return usb.core.find(idVendor=0x0483, backend=_contexts[-1])


def send(device: usb.core.Device, request: Request, block: int = 0, data: bytes = b"") -> None:
    setup = SetupPacket.dfu(request)
    device.ctrl_transfer(setup.bmRequestType, setup.bRequest, block, 0, data)


def ask(device: usb.core.Device, request: Request, length: int, block: int = 0, timeout: int = 5000) -> bytes:
    setup = SetupPacket.dfu(request)
    return bytes(device.ctrl_transfer(setup.bmRequestType, setup.bRequest, block, 0, length, timeout))


def status(device: usb.core.Device, timeout: int = 5000) -> StatusReply:
    return StatusReply.parse(ask(device, Request.GETSTATUS, 6, timeout=timeout))


def to_idle(device: usb.core.Device) -> None:
    while status(device).bState is not State.DFU_IDLE:
        send(device, Request.CLRSTATUS)
