"""raw-gadget: hosts see the chip as it is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.transports.raw_gadget import RawGadget
from dfu_emulator.transports.udc import GadgetError
from dfu_protocol import Request, StandardRequest, State
from end_to_end.test_dfu_util import FLASH, MIB, NAMES, firmware
from end_to_end.test_lsusb import FIELDS
from vm.guest.conftest import (
    CONTROLLER,
    LINUX,
    SERIAL,
    DfuUtil,
    PlugIn,
    Transport,
    host,
    usb_device,
    wait_for_chip,
    wait_for_no_chip,
)
from vm.guest.flashing import (  # noqa: F401 - they are collected here
    send,
    status,
    test_a_host_may_give_up_while_the_chip_is_busy,
    test_leave_starts_the_application,
    test_leave_without_an_application_comes_back,
    test_mass_erase,
    test_requests_are_stalled_and_the_device_stays_usable,
    test_unprotect_makes_the_chip_leave_and_come_back_erased,
    test_what_is_written_is_read_back,
    to_idle,
)

TELLS_RESETS = LINUX >= (6, 6)


@pytest.fixture
def transport() -> Transport:
    return RawGadget


def test_list_is_a_real_chips_letter_for_letter(plug_in: PlugIn) -> None:
    plug_in()
    number = wait_for_chip()
    assert host("dfu-util", "-l").lines("Found DFU: ") == [
        f'Found DFU: [0483:df11] ver=2200, devnum={number}, cfg=1, intf=0, path="1-1", '
        f'alt={alternate}, name="{name}", serial="{SERIAL}"'
        for alternate, name in zip((3, 2, 1, 0), NAMES, strict=True)
    ]


def test_lsusb_shows_the_values_of_a_real_chip(plug_in: PlugIn) -> None:
    plug_in()
    done = host("lsusb", "-v", "-d", "0483:")
    listed = [tuple(line.split(maxsplit=1)) for line in done.stdout.splitlines() if len(line.split()) > 1]
    for field, value in (line.split(maxsplit=1) for line in FIELDS.strip().splitlines()):
        if field == "iSerial":
            value = f"3 {SERIAL}"
        assert any(name == field and text.startswith(value) for name, text in listed), (field, value)


def test_a_full_mebibyte_goes_there_and_back(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    plug_in()
    image = firmware(MIB)
    (tmp_path / "new").write_bytes(image)
    dfu_util(*FLASH.split()[1:], "-D", str(tmp_path / "new"))
    dfu_util("-a", "0", "-s", f"0x08000000:{MIB}:force", "-U", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == image


def test_every_alternate_can_be_read(plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil) -> None:
    chosen: list[int] = []

    def note(occurrence: Occurrence) -> None:
        if isinstance(occurrence, Transfer) and occurrence.setup[:2] == (0x01, StandardRequest.SET_INTERFACE):
            chosen.append(occurrence.setup.wValue)

    plug_in(watchers=(note,))
    for alternate, address, size in ((1, "0x1FFFC000", 16), (2, "0x1FFF7800", 512), (3, "0xFFFF0000", 4)):
        file = tmp_path / str(alternate)
        dfu_util("-a", str(alternate), "-s", address, "-U", str(file))
        assert len(file.read_bytes()) == size
        assert alternate in chosen


def test_get_interface_tells_the_alternate(plug_in: PlugIn) -> None:
    plug_in()
    device = usb_device()
    for alternate in (3, 0, 2):
        device.set_interface_altsetting(0, alternate)
        assert bytes(device.ctrl_transfer(0x81, StandardRequest.GET_INTERFACE, 0, 0, 1)) == bytes(
            (alternate,)
        )


@pytest.mark.skipif(not TELLS_RESETS, reason="raw_gadget tells bus resets from Linux 6.6 on")
def test_a_bus_reset_ends_what_goes_on(plug_in: PlugIn) -> None:
    plug_in()
    device = usb_device()
    to_idle(device)
    send(device, Request.DNLOAD, 2, b"data")
    # Asked over the bus: the host has its answer before the chip has made up its mind.
    assert device.ctrl_transfer(0xA1, Request.GETSTATE, 0, 0, 1)[0] == State.DNLOAD_SYNC
    device.reset()
    assert status(device).bState is State.DFU_IDLE


def test_a_controller_in_use_is_refused_with_the_reason(plug_in: PlugIn) -> None:
    plug_in()
    with emulated("stm32f405") as port, pytest.raises(GadgetError, match="in use by USB Raw Gadget"):
        RawGadget(port).__enter__()
    assert host("dfu-util", "-l").lines("Found DFU")


def test_start_and_stop_again_and_again(plug_in: PlugIn) -> None:
    with emulated("stm32f405") as port:
        for _ in range(10):
            with RawGadget(port):
                assert (CONTROLLER / "function").read_text().strip()
            assert not (CONTROLLER / "function").read_text().strip()


def test_nothing_is_left_of_a_killed_process() -> None:
    script = (
        "from dfu_emulator.emulation import emulated\n"
        "from dfu_emulator.transports.raw_gadget import RawGadget\n"
        "with emulated('stm32f405') as port, RawGadget(port) as gadget:\n"
        "    gadget.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        wait_for_chip()
        process.send_signal(signal.SIGKILL)
    wait_for_no_chip()
