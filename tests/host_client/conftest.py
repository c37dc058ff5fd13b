"""Benches with an STM32F405, unless a test brings another profile."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import Profile, load
from host_client.bench import Bench, MakeBench, bench


@pytest.fixture(scope="session")
def f405() -> Profile:
    return load("stm32f405")


@pytest.fixture
def make_bench(f405: Profile, tmp_path: Path) -> Iterator[MakeBench]:
    """Makes benches that last until the end of the test."""
    numbers = count()
    with ExitStack() as stack:

        def make(profile: Profile | None = None, **options: Any) -> Bench:
            image = tmp_path / f"flash{next(numbers)}.img"
            return stack.enter_context(bench(profile or f405, image, **options))

        yield make


@pytest.fixture
def f405_bench(make_bench: MakeBench) -> Bench:
    """An STM32F405, where nothing takes time."""
    return make_bench()
