"""An STM32F405 on a bus that programs see."""

from collections.abc import Iterator

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.transports.preload import PreloadBus
from emulator.transports.preload.programs import Child, finish, start


@pytest.fixture
def port() -> Iterator[Port]:
    with emulated("stm32f405") as plugged:
        yield plugged


@pytest.fixture
def bus(port: Port) -> Iterator[PreloadBus]:
    with PreloadBus(port) as open_bus:
        yield open_bus


@pytest.fixture
def child(bus: PreloadBus) -> Child:
    """Runs a script that sees the device and prints its result as JSON."""
    return lambda script: finish(start(bus, script))
