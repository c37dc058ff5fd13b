"""Runs of addresses, against sets of addresses."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.extents import Extent, joined, spell, without

EXTENTS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda run: (run[0], sum(run))))


def addresses(extents: list[Extent]) -> set[int]:
    return {address for start, end in extents for address in range(start, end)}


@given(EXTENTS)
def test_joined(extents: list[Extent]) -> None:
    runs = joined(extents)
    assert addresses(runs) == addresses(extents)
    assert all(before[1] < after[0] for before, after in pairwise(runs))


@given(EXTENTS, st.integers(0, 5))
def test_joined_over_what_is_between(extents: list[Extent], apart: int) -> None:
    runs = joined(extents, apart)
    holes = [(before[1], after[0]) for before, after in pairwise(joined(extents))]
    bridged = [(start, end) for start, end in holes if end - start <= apart]
    assert runs == joined([*extents, *bridged])


@given(EXTENTS, EXTENTS)
def test_without(extents: list[Extent], holes: list[Extent]) -> None:
    assert addresses(without(extents, holes)) == addresses(extents) - addresses(holes)


@pytest.mark.parametrize(
    ("extents", "words"),
    [
        ([], ""),
        ([(0x08000000, 0x08004000)], "0x08000000..0x08003fff"),
        ([(0, 1), (2, 4)], "0x00000000..0x00000000 and 0x00000002..0x00000003"),
        (
            [(0, 2), (4, 6), (8, 10)],
            "0x00000000..0x00000001, 0x00000004..0x00000005 and 0x00000008..0x00000009",
        ),
    ],
)
def test_words(extents: list[Extent], words: str) -> None:
    assert spell(extents) == words
