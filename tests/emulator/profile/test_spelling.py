"""Values in the words of a profile: read again, they are the same."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.profile import available, load
from dfu_emulator.profile.scalars import Duration, Sectors, Size
from dfu_emulator.profile.spelling import plain, spell_duration, spell_sectors, spell_size


@pytest.mark.parametrize(
    ("size", "spelled"),
    [(0, "0"), (528, "528"), (1024, "1K"), (1536, "1536"), (1536 << 10, "1536K"), (1 << 21, "2M")],
)
def test_sizes(size: int, spelled: str) -> None:
    assert spell_size(size) == spelled


@pytest.mark.parametrize(
    ("microseconds", "spelled"),
    [
        (0, "0 us"),
        (999, "999 us"),
        (1000, "1 ms"),
        (53_976, "53.976 ms"),
        (1_000_000, "1 s"),
        (2_400_000, "2.4 s"),
        (10_000_000, "10 s"),
    ],
)
def test_durations(microseconds: int, spelled: str) -> None:
    assert spell_duration(microseconds) == spelled


def test_sectors() -> None:
    assert spell_sectors((4, 16384)) == "4*16K"


@given(st.integers(0, Size.largest))
def test_a_size_is_read_as_it_was(size: int) -> None:
    assert Size.read(spell_size(size)) == size


@given(st.integers(0, 10**14))
def test_a_duration_is_read_as_it_was(microseconds: int) -> None:
    assert Duration.read(spell_duration(microseconds)) == microseconds


@given(st.integers(1, 99999), st.integers(1, Size.largest))
def test_sectors_are_read_as_they_were(count: int, size: int) -> None:
    assert Sectors.read(spell_sectors((count, size))) == (count, size)


@pytest.mark.parametrize("name", available())
def test_a_whole_profile_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text(yaml.safe_dump(plain(load(name))))
    assert load(str(path)) == load(name)
