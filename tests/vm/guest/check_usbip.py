"""USB/IP: the kernel's own client (vhci_hcd) has the chip as it is."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.transports.usbip import UsbipServer
from end_to_end.test_dfu_util import NAMES
from end_to_end.test_lsusb import FIELDS
from vm.guest.conftest import (
    SERIAL,
    PlugIn,
    Transport,
    host,
    wait_for_chip,
    wait_for_no_chip,
    wait_until,
)
from vm.guest.flashing import (  # noqa: F401 - they are collected here
    test_a_host_may_give_up_while_the_chip_is_busy,
    test_leave_starts_the_application,
    test_leave_without_an_application_comes_back,
    test_mass_erase,
    test_requests_are_stalled_and_the_device_stays_usable,
    test_unprotect_makes_the_chip_leave_and_come_back_erased,
    test_what_is_written_is_read_back,
)


def usbip(server: UsbipServer, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["usbip", "--tcp-port", str(server.address[1]), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def attached_ports() -> list[str]:
    done = subprocess.run(["usbip", "port"], capture_output=True, text=True, check=False)
    return [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("Port ")]


@contextmanager
def imported(port: Port) -> Iterator[UsbipServer]:
    """The chip on the kernel's virtual controller, attached anew whenever it comes back."""
    with UsbipServer([port], port=0) as server:
        stop = threading.Event()

        def keep_attaching() -> None:
            while not stop.wait(0.2):
                if server.exports[0].session is None and port.attached:
                    usbip(server, "attach", "-r", "127.0.0.1", "-b", "1-1")

        thread = threading.Thread(target=keep_attaching)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module", autouse=True)
def vhci() -> None:
    subprocess.run(["modprobe", "vhci-hcd"], check=True)


@pytest.fixture
def transport() -> Transport:
    return imported


def test_list_is_that_of_a_real_chip(plug_in: PlugIn) -> None:
    plug_in()
    number = wait_for_chip()
    lines = host("dfu-util", "-l").lines("Found DFU: ")
    assert len(lines) == 4
    for line, alternate in zip(lines, (3, 2, 1, 0), strict=True):
        assert f"ver=2200, devnum={number}, cfg=1, intf=0" in line
        assert f'alt={alternate}, name="{NAMES[3 - alternate]}", serial="{SERIAL}"' in line


def test_lsusb_shows_the_values_of_a_real_chip(plug_in: PlugIn) -> None:
    plug_in()
    done = host("lsusb", "-v", "-d", "0483:")
    listed = [tuple(line.split(maxsplit=1)) for line in done.stdout.splitlines() if len(line.split()) > 1]
    for line in FIELDS.strip().splitlines():
        field, value = line.split(maxsplit=1)
        if field == "iSerial":
            value = f"3 {SERIAL}"
        assert any(name == field and text.startswith(value) for name, text in listed), (field, value)


def test_usbip_lists_attaches_and_detaches() -> None:
    with emulated("stm32f405", serial=SERIAL) as port, UsbipServer([port], port=0) as server:
        listed = usbip(server, "list", "-r", "127.0.0.1")
        assert listed.returncode == 0
        assert "1-1: " in listed.stdout
        assert "(0483:df11)" in listed.stdout
        assert "/sys/devices/dfu-emulator/usb1/1-1" in listed.stdout
        for _ in range(3):
            attached = usbip(server, "attach", "-r", "127.0.0.1", "-b", "1-1")
            assert attached.returncode == 0, attached.stderr
            wait_for_chip()
            busy = usbip(server, "attach", "-r", "127.0.0.1", "-b", "1-1")
            assert busy.returncode != 0
            (number,) = attached_ports()
            assert usbip(server, "detach", "-p", number).returncode == 0
            wait_for_no_chip()
            wait_until(lambda: server.exports[0].session is None, "still imported")
        wrong = usbip(server, "attach", "-r", "127.0.0.1", "-b", "1-2")
        assert wrong.returncode != 0


def test_several_chips_at_once() -> None:
    with (
        emulated("stm32f405", serial="ONE") as one,
        emulated("stm32f405", serial="TWO") as two,
        UsbipServer([one, two], port=0) as server,
    ):
        for busid in ("1-1", "1-2"):
            assert usbip(server, "attach", "-r", "127.0.0.1", "-b", busid).returncode == 0
        wait_until(lambda: len(host("dfu-util", "-l").lines("Found DFU")) == 8, "two chips")
        lines = host("dfu-util", "-l").lines("Found DFU")
        assert {line.rpartition("serial=")[2] for line in lines} == {'"ONE"', '"TWO"'}


def test_a_server_that_ends_is_an_unplugged_chip() -> None:
    with emulated("stm32f405", serial=SERIAL) as port:
        with UsbipServer([port], port=0) as server:
            assert usbip(server, "attach", "-r", "127.0.0.1", "-b", "1-1").returncode == 0
            wait_for_chip()
        wait_for_no_chip()
