"""A chip that is served, and a slow one."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.transports.usbip import UsbipServer
from emulator.transports.usbip.client import Address


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def port(stack: ExitStack, f405: Profile) -> Port:
    return stack.enter_context(emulated(f405))


@pytest.fixture
def address(stack: ExitStack, port: Port) -> Address:
    return stack.enter_context(UsbipServer([port], port=0)).address


@pytest.fixture
def slow(stack: ExitStack, f405: Profile) -> Port:
    """A chip that takes its time: 400 ms for a sector of 16 KiB, 16 s for all."""
    return stack.enter_context(emulated(f405, timing="real"))


@pytest.fixture
def slow_address(stack: ExitStack, slow: Port) -> Address:
    return stack.enter_context(UsbipServer([slow], port=0)).address
