"""Runs checks inside virtual machines that have a USB device controller."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import require
from dfu_emulator.vm import VmTimeout, obtain, run

GUEST = Path(__file__).parent / "guest"
TIME_LIMIT = 1800
"""Seconds for one boot and its checks; an emulated processor on a busy machine is slow."""

InVm = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--checks", metavar="EXPRESSION", default="", help="-k of the checks in the guest")


@pytest.hookimpl(trylast=True)  # when those of other marks are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first, one for each of two workers: pytest-xdist hands out two tests at a time."""
    long = [item for item in items if item.path.parent == GUEST.parent]
    short = [item for item in items if item not in long]
    first = [item for pair in zip(long, short, strict=False) for item in pair]
    items[:] = first + [item for item in long + short if item not in first]


@pytest.fixture
def in_vm(request: pytest.FixtureRequest) -> InVm:
    """``in_vm("6.12")`` runs the checks under such a kernel."""
    for command in ("qemu-system-x86_64", "busybox", "depmod", "dfu-util", "lsusb", "usbip"):
        require(command)

    def checks(series: str) -> None:
        logs = request.config.rootpath / ".vm-logs" / series
        logs.mkdir(parents=True, exist_ok=True)
        output = logs / "output"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += [
            "-m",
            "",
            "-v",
            "--durations=20",
            "--color=no",
            "-k",
            request.config.getoption("--checks", ""),
        ]
        command += map(str, sorted(GUEST.glob("check_*.py")))
        problem = ""
        try:
            with output.open("wb") as stream:
                outcome = run(
                    obtain(series), command, time_limit=TIME_LIMIT, output=stream, environment=_environment()
                )
        except VmTimeout as error:
            outcome, problem = error.outcome, str(error)
        print(output.read_text(errors="replace"))
        (logs / "console").write_text(outcome.console)
        (logs / "usbmon").write_text(outcome.usbmon)
        if outcome.code:
            print(outcome.console[-8000:])
            pytest.fail(f"{problem or 'checks failed'} under Linux {series}; USB traffic: {logs}/usbmon")

    return checks


def _environment() -> dict[str, str]:
    """Ours, but a guest's process is nobody's worker and writes no bytecode."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
