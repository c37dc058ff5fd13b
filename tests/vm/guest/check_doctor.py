"""The doctor's remedies help, and ``dfu-emulator run`` takes the best transport that works."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfu_emulator.doctor import CHECKS, Computer, Finding
from vm.guest.bus import PATIENCE, wait_for_chip

RUN = (sys.executable, "-m", "dfu_emulator", "run", "--profile", "stm32f405")
CONFIGFS = "/sys/kernel/config"
MISSING = {
    "raw_gadget": ("rmmod", "raw_gadget"),
    "dummy_hcd": ("rmmod", "dummy_hcd"),
    "configfs": ("umount", CONFIGFS),
}
"""Commands that make a transport impossible."""
PRESENT = {
    "raw_gadget": ("modprobe", "raw_gadget"),
    "dummy_hcd": ("modprobe", "dummy_hcd", "is_high_speed=0"),
    "configfs": ("mount", "-t", "configfs", "configfs", CONFIGFS),
}


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """A kernel that has these parts no more; afterwards it has them, whoever brought them back."""
    try:
        for part in parts:
            subprocess.run(MISSING[part], check=True)
        yield
    finally:
        for part in parts:
            if part != "configfs" or not Path(CONFIGFS, "usb_gadget").exists():
                subprocess.run(PRESENT[part], check=True)


def examined() -> tuple[Finding, Finding]:
    """What the doctor finds of raw-gadget and of FunctionFS."""
    computer = Computer()
    return CHECKS["raw-gadget"](computer), CHECKS["functionfs"](computer)


@contextmanager
def running(*flags: str) -> Iterator[list[str]]:
    """A ``dfu-emulator run`` that serves, and what it has said by then."""
    with subprocess.Popen(
        (*RUN, *flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith("stop with"):
                break
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0


def test_the_doctor_changes_nothing() -> None:
    with without("raw_gadget", "dummy_hcd"):
        before = Path("/proc/modules").read_text(), Path("/proc/mounts").read_text()
        for check in CHECKS.values():
            check(Computer())
        assert (Path("/proc/modules").read_text(), Path("/proc/mounts").read_text()) == before
        assert list(Path(CONFIGFS, "usb_gadget").iterdir()) == []


@pytest.mark.parametrize("part", MISSING)
def test_the_doctors_remedies_help(part: str) -> None:
    with without(part):
        remedies = {need.remedy for finding in examined() for need in finding.needs}
        assert remedies == {" ".join(PRESENT[part])}
        subprocess.run(remedies.pop(), shell=True, check=True)  # noqa: S602 - as a user would
        assert all(finding.works for finding in examined())


def test_run_takes_raw_gadget() -> None:
    with running() as said:
        wait_for_chip()
        assert said[0] == "dfu-emulator: taking raw-gadget"
        assert said[1].endswith(", by raw-gadget on dummy_udc.0")
        for finding in examined():
            (need,) = finding.needs
            assert need.what.startswith("the USB device controller dummy_udc.0 is in use by")


def test_run_takes_functionfs_where_there_is_no_raw_gadget() -> None:
    with without("raw_gadget"), running() as said:
        wait_for_chip()
        assert any(line.startswith("dfu-emulator: this kernel's FunctionFS cannot show") for line in said)
        reason = "not raw-gadget: the module raw_gadget is not loaded"
        assert any(line.startswith(f"dfu-emulator: taking functionfs; {reason}") for line in said)
        assert said[-2].endswith(", by FunctionFS on dummy_udc.0")


def test_run_takes_usbip_where_there_is_no_controller() -> None:
    with without("dummy_hcd"), running() as said:
        reason = "not raw-gadget or functionfs: there is no USB device controller"
        assert said[0].startswith(f"dfu-emulator: taking usbip; {reason}")
        assert said[1] == "USB/IP on 127.0.0.1 port 3240"


def test_run_goes_on_to_the_next_where_the_doctor_was_wrong() -> None:
    """A device file without a driver, which nothing can tell from one that works but opening it."""
    with without("raw_gadget"):
        device = Path("/dev/raw-gadget")
        device.touch()
        try:
            with running() as said:
                wait_for_chip()
                assert any("taking functionfs; not raw-gadget: " in line for line in said)
        finally:
            device.unlink()
