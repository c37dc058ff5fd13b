"""FunctionFS: hosts see as much of the chip as the kernel can show, and can flash it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.functionfs import FunctionFsGadget, configfs
from dfu_emulator.transports.raw_gadget import RawGadget
from dfu_emulator.transports.udc import GadgetError
from end_to_end.test_dfu_util import NAMES
from end_to_end.test_lsusb import FIELDS
from vm.guest.conftest import (
    CONTROLLER,
    LINUX,
    SERIAL,
    DfuUtil,
    PlugIn,
    Transport,
    host,
    wait_for_chip,
    wait_for_no_chip,
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

SHOWS_DFU = LINUX >= (6, 12)
"""Whether the kernel takes a DFU functional descriptor; the two that are tried lie far enough apart."""
ALTERNATES = range(3 if SHOWS_DFU else 1)
MISSING = (
    "alternate settings above 2" if SHOWS_DFU else "functional descriptor and alternate settings above 0"
)


@pytest.fixture
def dfu_util_options() -> tuple[str, ...]:
    """The notice names the transfer size: with it dfu-util needs no functional descriptor."""
    return () if SHOWS_DFU else ("-t", "2048")


@pytest.fixture
def transport() -> Transport:
    return FunctionFsGadget


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every check leaves configfs and the mounts as they were."""
    yield
    assert list(configfs.GADGETS.iterdir()) == []
    assert "functionfs" not in Path("/proc/mounts").read_text()


def test_list_has_the_alternates_that_the_kernel_can_show(plug_in: PlugIn) -> None:
    plug_in()
    number = wait_for_chip()
    assert host("dfu-util", "-l").lines("Found DFU: ") == [
        f'Found DFU: [0483:df11] ver=2200, devnum={number}, cfg=1, intf=0, path="1-1", '
        f'alt={alternate}, name="{NAMES[3 - alternate]}", serial="{SERIAL}"'
        for alternate in reversed(ALTERNATES)
    ]


def test_lsusb_shows_the_values_of_a_real_chip_but_for_bcdusb(plug_in: PlugIn) -> None:
    plug_in()
    done = host("lsusb", "-v", "-d", "0483:")
    listed = [tuple(line.split(maxsplit=1)) for line in done.stdout.splitlines() if len(line.split()) > 1]
    fields = [line.split(maxsplit=1) for line in FIELDS.strip().splitlines()]
    for field, value in fields:
        if field == "bcdUSB":
            value = "2.00"  # the composite framework has its own
        elif field == "iSerial":
            value = f"3 {SERIAL}"
        shown = any(name == field and text.startswith(value) for name, text in listed)
        in_functional = value == "11" or field in ("wDetachTimeout", "wTransferSize", "bcdDFUVersion")
        alternate = int(value.split()[0]) - 4 if field == "iInterface" else 0
        assert shown is (alternate in ALTERNATES and (SHOWS_DFU or not in_functional)), (field, value)


def test_what_is_missing_is_said_in_a_sentence() -> None:
    with emulated("stm32f405") as port, FunctionFsGadget(port) as gadget:
        assert gadget.notice.startswith("this kernel's FunctionFS cannot show ")
        assert MISSING in gadget.notice
        assert "raw-gadget" in gadget.notice


def test_dfu_host_needs_no_functional_descriptor(plug_in: PlugIn, tmp_path: Path) -> None:
    """It asks the device for it where the configuration has none."""
    plug_in()
    file = tmp_path / "back"
    done = host(
        sys.executable, "-m", "dfu_host", "read", "--address", "0x08000000", "--length", "5000", str(file)
    )
    assert done.code == 0, done.output
    assert file.read_bytes() == b"\xff" * 5000


@pytest.mark.skipif(not SHOWS_DFU, reason="there is only alternate 0")
def test_memory_is_chosen_by_address_not_by_alternate(
    plug_in: PlugIn, tmp_path: Path, dfu_util: DfuUtil
) -> None:
    plug_in()
    for alternate, address, size in ((1, "0x1FFFC000", 16), (2, "0x1FFF7800", 512), (0, "0x08000000", 64)):
        file = tmp_path / str(alternate)
        dfu_util("-a", str(alternate), "-s", f"{address}:{size}", "-U", str(file))
        assert len(file.read_bytes()) == size


def test_a_controller_in_use_is_refused_with_the_reason(plug_in: PlugIn) -> None:
    plug_in()
    for transport in (FunctionFsGadget, RawGadget):
        with emulated("stm32f405") as port, pytest.raises(GadgetError, match="in use by dfu-emulator-"):
            transport(port).__enter__()
    assert host("dfu-util", "-l").lines("Found DFU")


def test_start_and_stop_again_and_again() -> None:
    with emulated("stm32f405") as port:
        for _ in range(5):
            with FunctionFsGadget(port):
                assert (CONTROLLER / "function").read_text().startswith("dfu-emulator-")
            assert list(configfs.GADGETS.iterdir()) == []


def test_what_a_killed_process_left_is_cleaned_by_the_next_one() -> None:
    script = (
        "from dfu_emulator.emulation import emulated\n"
        "from dfu_emulator.transports.functionfs import FunctionFsGadget\n"
        "with emulated('stm32f405') as port, FunctionFsGadget(port) as gadget:\n"
        "    gadget.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        wait_for_chip()
        process.send_signal(signal.SIGKILL)
    wait_for_no_chip()
    (left,) = configfs.GADGETS.iterdir()
    with emulated("stm32f405") as port, FunctionFsGadget(port):
        wait_for_chip()
        (present,) = configfs.GADGETS.iterdir()
        assert present != left
