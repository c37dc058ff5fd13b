"""The pytest plugin: the fixtures ``stm32`` and ``make_stm32``, and the marker of the same name.

pytest loads this module wherever the project is installed, so it imports nothing but pytest: what makes a
chip is loaded by the first test that asks for one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Unpack

import pytest

if TYPE_CHECKING:
    from dfu_emulator.pytest_plugin.chip import MakeStm32, Stm32
    from dfu_emulator.pytest_plugin.keys import Keys

_CHIPS = pytest.StashKey[list["Stm32"]]()
"""The chips of a test, for its report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini("stm32_profile", "the chip of tests that name none", default="stm32f405")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for --strict-markers and --markers."""
    config.addinivalue_line(
        "markers",
        "stm32(profile=..., scenario=..., timing=..., image=..., rdp=..., settings=[...], ...): "
        "the chip of the fixture stm32, and what make_stm32 leaves out; the closest marker wins, key by key",
    )


@pytest.fixture
def make_stm32(request: pytest.FixtureRequest) -> "Iterator[MakeStm32]":
    """Plug in another chip until the test ends: ``make_stm32(profile="stm32h743")``.

    The keys are those of the marker ``stm32``; what is left out is as the test's markers have it. Until the
    test ends, PyUSB in this process finds the chips of the test and no real device.
    """
    from dfu_emulator.pytest_plugin.bench import bench
    from dfu_emulator.pytest_plugin.keys import marked

    with bench(request.path.parent) as place:
        request.node.stash[_CHIPS] = place.chips

        def make(**keys: "Unpack[Keys]") -> "Stm32":
            return place.plug_in(marked(request.node, keys))

        yield make


@pytest.fixture
def stm32(request: pytest.FixtureRequest, make_stm32: "MakeStm32") -> "Stm32":
    """An emulated STM32 in its bootloader, as the markers ``stm32`` of the test describe it."""
    from dfu_emulator.pytest_plugin.keys import parametrized

    return make_stm32(**parametrized(request))


@pytest.hookimpl(hookwrapper=True)  # the older way: a newer one is an error in older versions of pytest
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show in the report of a failing test what its chips saw."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed and (chips := item.stash.get(_CHIPS, None)):
        from dfu_emulator.pytest_plugin.report import sections

        report.sections += sections(chips)
