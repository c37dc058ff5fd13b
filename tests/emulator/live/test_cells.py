"""A memory as cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.live import ChipModel
from dfu_emulator.live.cells import Cell, Mark, cells, grid
from dfu_emulator.live.model import Kind, Strip, Touch
from dfu_emulator.memory import Ram
from emulator.host import FLASH, Host

SCALE, COUNT = 2048, 512
NOW = 10_000_000

sizes = st.integers(1, 1 << 23)
runs = st.tuples(st.sampled_from(Kind), st.integers(FLASH - 9000, FLASH + (1 << 20)), st.integers(1, 9000))


@given(sizes, st.integers(1, 300), st.integers(0, 100), st.sampled_from([1, 256]))
def test_a_grid_has_room_for_all_and_keeps_its_limits(
    size: int, columns: int, rows: int, finest: int
) -> None:
    found = grid(size, columns, rows, finest)
    assert found.scale >= finest
    assert found.columns <= columns
    assert found.rows <= max(1, rows)
    assert (found.rows - 1) * found.columns * found.scale < size <= found.rows * found.columns * found.scale
    if found.scale > finest:
        assert size > found.columns * max(1, rows) * found.scale // 2  # the next finer would not do


def drawn(host: Host, *touches: Touch) -> list[Cell]:
    return list(cells(ChipModel(host.port).snapshot().flash, SCALE, touches, NOW))


def test_an_erased_flash_is_empty(host: Host) -> None:
    assert drawn(host) == [Cell(False)] * COUNT


def test_a_single_byte_fills_a_cell(host: Host) -> None:
    host.write(FLASH + 2 * SCALE - 4, b"\xff\xff\xff\xfe")
    assert [number for number, cell in enumerate(drawn(host)) if cell.filled] == [1]


@pytest.mark.parametrize(
    ("age", "mark"),
    [
        (0, Mark(Kind.READ, True)),
        (399_999, Mark(Kind.READ, True)),
        (400_000, Mark(Kind.READ, False)),
        (1_999_999, Mark(Kind.READ, False)),
        (2_000_000, None),
    ],
)
def test_a_mark_fades(host: Host, age: int, mark: Mark | None) -> None:
    assert drawn(host, Touch(NOW - age, Kind.READ, FLASH, 1))[0].mark == mark


def test_the_last_touch_of_a_cell_counts(host: Host) -> None:
    found = drawn(
        host,
        Touch(NOW, Kind.ERASE, FLASH, 4 * SCALE),
        Touch(NOW, Kind.WRITE, FLASH + SCALE, 2 * SCALE),
        Touch(NOW, Kind.READ, FLASH + 2 * SCALE, 1),
    )
    kinds = [cell.mark and cell.mark.kind for cell in found[:5]]
    assert kinds == [Kind.ERASE, Kind.WRITE, Kind.READ, Kind.ERASE, None]


@given(st.lists(runs, max_size=20))
def test_each_touched_byte_is_in_a_marked_cell_and_no_other_is(touched: list[tuple[Kind, int, int]]) -> None:
    flash = Ram((FLASH, FLASH + COUNT * SCALE))
    touches = [Touch(NOW, *run) for run in touched]
    found = cells(Strip("flash", flash, bytes(COUNT * SCALE)), SCALE, touches, NOW)
    expected: dict[int, Kind] = {}
    for kind, address, length in touched:
        for number in range((address - FLASH) // SCALE, (address + length - 1 - FLASH) // SCALE + 1):
            expected[number] = kind
    marked = {number: cell.mark.kind for number, cell in enumerate(found) if cell.mark}
    assert marked == {number: kind for number, kind in expected.items() if 0 <= number < COUNT}
