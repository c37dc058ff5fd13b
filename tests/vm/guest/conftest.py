"""What the checks share. They run as root in a guest with dummy_hcd, never outside of one."""

import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import usb.core
from usb.backend import libusb1

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from end_to_end.conftest import Done

PATIENCE = 60
"""Seconds after which something will not happen any more."""
CONTROLLER = Path("/sys/class/udc/dummy_udc.0")
LINUX = tuple(int(part) for part in platform.release().split(".")[:2])
SERIAL = "337938943430"

Transport = Callable[[Port], AbstractContextManager[object]]
PlugIn = Callable[..., Port]
DfuUtil = Callable[..., Done]


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until ``condition`` holds; ``what`` is said if it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def device_number() -> int:
    """The number of the chip on the USB, once the host has configured it; 0 if there is none."""
    for vendor in Path("/sys/bus/usb/devices").glob("*/idVendor"):
        device = vendor.parent
        try:
            if vendor.read_text() == "0483\n" and (device / "bConfigurationValue").read_text() == "1\n":
                return int((device / "devnum").read_text())
        except OSError:  # it is just leaving
            continue
    return 0


def wait_for_chip(other_than: int = 0) -> int:
    """Wait until the host has the chip, under another number than ``other_than``; returns the number."""
    wait_until(lambda: device_number() not in (0, other_than), "no chip on the bus")
    return device_number()


def wait_for_no_chip() -> None:
    wait_until(lambda: not device_number(), "the chip is still on the bus")


def host(*command: str) -> Done:
    """Run a host's program to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def usb_device() -> usb.core.Device:
    """The chip, as PyUSB and libusb have it."""
    libusb1.get_backend()
    # A context learns of later devices from udev, which does not run here: this one is new.
    return usb.core.find(idVendor=0x0483, backend=libusb1._LibUSB(libusb1._lib))


@pytest.fixture(autouse=True)
def clean_bus() -> Iterator[None]:
    """No check begins or ends with a chip on the bus or a controller in use."""
    wait_for_no_chip()
    yield
    wait_for_no_chip()
    assert (CONTROLLER / "function").read_text().strip() == ""


@pytest.fixture
def dfu_util_options() -> tuple[str, ...]:
    """Options that dfu-util always needs; to be overridden."""
    return ()


@pytest.fixture
def dfu_util(dfu_util_options: tuple[str, ...]) -> DfuUtil:
    """``dfu_util(*arguments)`` runs dfu-util, which has to succeed."""

    def run(*arguments: str) -> Done:
        done = host("dfu-util", *dfu_util_options, *arguments)
        assert done.code == 0, done.output
        return done

    return run


@pytest.fixture
def plug_in(transport: Transport) -> Iterator[PlugIn]:
    """``plug_in(**options)`` puts a chip on the bus, with the options of ``emulated``, and waits for it."""
    with ExitStack() as stack:

        def plug(profile: str = "stm32f405", **options: Any) -> Port:
            port = stack.enter_context(emulated(profile, serial=SERIAL, **options))
            stack.enter_context(transport(port))
            wait_for_chip()
            return port

        yield plug
