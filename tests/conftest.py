"""What all tests share."""

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

# Machines differ: no test may depend on how fast one is.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

PACKAGES = {
    "busybox": "busybox-static",
    "depmod": "kmod",
    "dfu-suffix": "dfu-util",
    "dfu-util": "dfu-util",
    "lsusb": "usbutils",
    "qemu-system-x86_64": "qemu-system-x86",
    "tshark": "tshark",
    "udevadm": "udev",
    "usbip": "usbip",
}


def require(command: str) -> None:
    """Skip where a command is missing, saying how to get it; on CI it has to be there."""
    if shutil.which(command) is not None:
        return
    hint = f"{command} is missing: sudo apt-get install {PACKAGES[command]}"
    if os.environ.get("CI"):
        pytest.fail(hint)
    pytest.skip(hint)


@pytest.fixture(scope="session", autouse=True)
def any_terminal() -> Iterator[None]:
    """What is said of the terminal that the tests were started in, or of CI's, is not for what they run."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("FORCE_COLOR", "LINES", "NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            environment.delenv(name, raising=False)
        environment.setenv("COLUMNS", "80")
        yield


@pytest.fixture
def dfu_suffix() -> str:
    """Real dfu-suffix."""
    require("dfu-suffix")
    return "dfu-suffix"


@pytest.fixture
def dfu_util() -> None:
    """Real dfu-util."""
    require("dfu-util")


@pytest.fixture
def lsusb() -> None:
    """Real lsusb."""
    require("lsusb")
