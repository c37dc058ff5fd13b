"""What the checks share. They run as root in a guest with dummy_hcd, never outside of one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.transports.functionfs import configfs
from end_to_end.conftest import Done
from end_to_end.lsusb import SERIAL
from vm.guest.bus import CONTROLLER, host, wait_for_chip, wait_for_no_chip
from vm.guest.transports import FUNCTIONFS, RAW_GADGET, USBIP, Transport

PlugIn = Callable[..., Port]
DfuUtil = Callable[..., Done]


def assert_nothing_left() -> None:
    """Nothing uses the controller, and of no gadget anything is left."""
    assert (CONTROLLER / "function").read_text().strip() == ""
    assert list(configfs.GADGETS.iterdir()) == []
    assert "functionfs" not in Path("/proc/mounts").read_text()
    assert list(Path("/run").glob("dfu-emulator-*")) == []


@pytest.fixture(autouse=True)
def clean_bus() -> Iterator[None]:
    """No check begins or ends with a chip on the bus or a trace of a gadget."""
    wait_for_no_chip()
    yield
    wait_for_no_chip()
    assert_nothing_left()


@pytest.fixture(params=[RAW_GADGET, FUNCTIONFS, USBIP], ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each in turn; a file of checks may override it by one of them."""
    chosen: Transport = request.param
    return chosen


@pytest.fixture
def dfu_util(transport: Transport) -> DfuUtil:
    """``dfu_util(*arguments)`` runs dfu-util, which has to succeed."""

    def run(*arguments: str) -> Done:
        done = host("dfu-util", *transport.dfu_util_options, *arguments)
        assert done.code == 0, done.output
        return done

    return run


@pytest.fixture
def plug_in(transport: Transport) -> Iterator[PlugIn]:
    """``plug_in(**options)`` puts a chip on the bus, with the options of ``emulated``, and waits for it."""
    with ExitStack() as stack:

        def plug(profile: str = "stm32f405", **options: Any) -> Port:
            port = stack.enter_context(emulated(profile, serial=SERIAL, **options))
            stack.enter_context(transport.open(port))
            wait_for_chip()
            return port

        yield plug
