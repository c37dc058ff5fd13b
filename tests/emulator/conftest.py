"""Devices for the tests: an STM32F405 unless a test says otherwise, on a clock that only tests move."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dfu_emulator.profile import Profile
from emulator.chips import stm32f405
from emulator.host import Host, Plug, plugged


@pytest.fixture(scope="session")
def f405() -> Profile:
    return stm32f405()


@pytest.fixture
def plug(f405: Profile) -> Iterator[Plug]:
    """Plugs a device in until the test ends: ``plug(profile, **options of emulated)``."""
    with ExitStack() as stack:

        def factory(profile: Profile = f405, **options: Any) -> Host:
            return stack.enter_context(plugged(profile, **options))

        yield factory


@pytest.fixture
def host(plug: Plug) -> Host:
    """An STM32F405 in dfuIDLE, where nothing takes time."""
    return plug().idle()
