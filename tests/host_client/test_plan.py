"""Blocks, padding, pages and bounds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.errors import FileError, UsageError
from dfu_host.plan import Plan, check_length, chunks, contiguous_end, plan_erase, plan_write, spell_ranges
from dfu_protocol import Access, Layout, parse_layout
from dfu_protocol.firmware_file import Element

F405 = parse_layout("@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg")
F405_START, F405_END = 0x08000000, 0x08100000
OPTION_BYTES = parse_layout("@Option Bytes  /0x1FFFC000/01*016 e")
READ_ONLY = parse_layout("@ROM /0x1FFF0000/01*030Ka")

lengths = st.integers(1, 5000)


def memory_of(elements: tuple[Element, ...]) -> dict[int, int]:
    return {e.address + offset: byte for e in elements for offset, byte in enumerate(e.data)}


class TestChunks:
    @given(address=st.integers(0, 1 << 31), length=lengths, size=st.sampled_from([1, 7, 64, 1024, 2048]))
    def test_cover_the_range_in_order_and_no_more(self, address: int, length: int, size: int) -> None:
        at = address
        for chunk in chunks(address, length, size):
            assert chunk.address == at
            assert 0 < chunk.size <= size
            at += chunk.size
        assert at == address + length

    @given(
        blocks=st.integers(1, 150_000),
        last=st.integers(1, 8),
        size=st.just(8),
        address=st.integers(0, 1 << 31),
    )
    def test_block_numbers_address_what_is_meant(
        self, blocks: int, last: int, size: int, address: int
    ) -> None:
        for chunk in chunks(address, (blocks - 1) * size + last, size):
            assert 2 <= chunk.block <= 0xFFFF
            assert chunk.pointer + (chunk.block - 2) * size == chunk.address

    @given(length=lengths)
    def test_address_does_not_depend_on_whose_length_counts(self, length: int) -> None:
        for chunk in chunks(F405_START, length, 64):
            assert chunk.pointer + (chunk.block - 2) * chunk.size == chunk.address

    def test_pointer_is_set_no_more_often_than_needed(self) -> None:
        pointers = {chunk.pointer for chunk in chunks(0, 8 * 65534 * 2, 8)}
        assert pointers == {0, 8 * 65534}


def elements_in(start: int, end: int) -> st.SearchStrategy[list[Element]]:
    """Elements that do not overlap, between two addresses, in any order."""

    def cut(edges: list[int]) -> list[Element]:
        pairs = zip(edges[::2], edges[1::2], strict=False)
        return [Element(a, bytes((a + i) * 7 & 0xFF for i in range(b - a))) for a, b in pairs]

    edges = st.lists(st.integers(start, end), min_size=2, max_size=8, unique=True).map(sorted)
    return edges.map(cut).flatmap(st.permutations)


near_a_boundary = elements_in(0x0800FF00, 0x08010100) | elements_in(F405_END - 0x300, F405_END)
alignments = st.sampled_from([1, 2, 4, 8, 16, 32])


class TestPlanWrite:
    @given(elements=near_a_boundary, align=alignments)
    def test_sends_the_data_and_padding_only(self, elements: list[Element], align: int) -> None:
        plan = plan_write(0, F405, elements, align)
        wanted, sent = memory_of(tuple(elements)), memory_of(plan.writes)
        assert memory_of(plan.data) == wanted
        assert {address: sent[address] for address in wanted} == wanted
        padding = {address: byte for address, byte in sent.items() if address not in wanted}
        assert set(padding.values()) <= {0xFF}
        assert {address - address % align for address in sent} == {a - a % align for a in wanted}

    @given(elements=near_a_boundary, align=alignments)
    def test_writes_are_aligned_apart_and_inside(self, elements: list[Element], align: int) -> None:
        writes = plan_write(0, F405, elements, align).writes
        for before, after in pairwise(writes):
            assert before.address + len(before.data) < after.address
        for write in writes:
            assert write.address % align == 0
            assert len(write.data) % align == 0
            assert F405_START <= write.address < write.address + len(write.data) <= F405_END

    @given(elements=near_a_boundary, align=alignments)
    def test_erases_the_touched_pages_once(self, elements: list[Element], align: int) -> None:
        plan = plan_write(0, F405, elements, align)
        touched = {F405.page_at(address) for element in elements for address in memory_of((element,))}
        assert set(plan.pages) == touched
        assert list(plan.pages) == sorted(set(plan.pages))

    @pytest.mark.parametrize(
        ("address", "length", "outside"),
        [
            (0x07FFFFFF, 2, "0x07ffffff"),
            (0x080FFFFF, 2, "0x08100000"),
            (0x08100000, 1, "0x08100000"),
            (0x1FFFC000, 16, "0x1fffc000"),
        ],
    )
    def test_refuses_data_outside(self, address: int, length: int, outside: str) -> None:
        with pytest.raises(FileError) as caught:
            plan_write(0, F405, [Element(address, bytes(length))], 16)
        assert f"{outside} is outside" in str(caught.value)
        assert "alternate 0 (Internal Flash), which is 0x08000000..0x080fffff" in str(caught.value)

    def test_refuses_memory_that_cannot_be_written(self) -> None:
        with pytest.raises(FileError, match=r"does not fit: alternate \d .* cannot be written$"):
            plan_write(0, READ_ONLY, [Element(0x1FFF0000, b"x")], 1)

    def test_refuses_data_given_twice(self) -> None:
        twice = [Element(F405_START + 4, b"ab"), Element(F405_START, b"12345")]
        with pytest.raises(FileError, match="0x08000004 more than once"):
            plan_write(0, F405, twice, 4)

    def test_option_bytes_are_never_padded_nor_erased(self) -> None:
        plan = plan_write(1, OPTION_BYTES, [Element(0x1FFFC002, b"abc")], 16)
        assert plan == Plan(
            alternate=1,
            data=(Element(0x1FFFC002, b"abc"),),
            writes=(Element(0x1FFFC002, b"abc"),),
            pages=(),
            readable=True,
            erasable=False,
            layout=OPTION_BYTES,
            align=16,
        )

    def test_padding_stops_at_the_end_of_the_memory(self) -> None:
        odd = parse_layout("@Odd /0x00000002/01*010 g")
        plan = plan_write(0, odd, [Element(3, b"a")], 16)
        assert plan.writes == (Element(2, b"\xffa" + b"\xff" * 8),)

    def test_memory_without_types_is_left_to_the_device(self) -> None:
        plan = plan_write(0, parse_layout("@Clone /0x08000000/02*001K"), [Element(0x08000400, bytes(4))], 4)
        assert plan.pages == ((0x08000400, 1024),)
        assert plan.readable

    def test_memory_that_cannot_be_read_says_so(self) -> None:
        plan = plan_write(0, parse_layout("@Secret /0x08000000/02*001Kf"), [Element(0x08000000, bytes(4))], 4)
        assert not plan.readable


class TestPlanErase:
    @pytest.mark.parametrize(
        ("address", "length", "pages"),
        [
            (0x08000000, 1, [(0x08000000, 0x4000)]),
            (0x08003FFF, 2, [(0x08000000, 0x4000), (0x08004000, 0x4000)]),
            (0x0800FFFF, 0x10002, [(0x0800C000, 0x4000), (0x08010000, 0x10000), (0x08020000, 0x20000)]),
            (0x080FFFFF, 1, [(0x080E0000, 0x20000)]),
        ],
    )
    def test_pages(self, address: int, length: int, pages: list[tuple[int, int]]) -> None:
        assert plan_erase(F405, address, length) == tuple(pages)

    @pytest.mark.parametrize(
        ("layout", "address", "length"),
        [(F405, 0x080FFFFF, 2), (F405, 0, 1), (OPTION_BYTES, 0x1FFFC000, 16)],
    )
    def test_refuses_what_cannot_be_erased(self, layout: Layout, address: int, length: int) -> None:
        with pytest.raises(
            UsageError, match=r"is not in erasable memory, which is 0x|Option Bytes cannot be erased"
        ):
            plan_erase(layout, address, length)


@pytest.mark.parametrize(
    ("text", "address", "end"),
    [
        ("@A /0x08000000/04*016Kg,01*064Kg", 0x08000100, 0x08020000),
        ("@A /0x1FFF7800/01*512 e,01*016 e/0x1FFE7800/01*512 e", 0x1FFF7800, 0x1FFF7A10),
        ("@A /0x08000000/01*001Kg", 0x08000400, None),
    ],
)
def test_contiguous_end(text: str, address: int, end: int | None) -> None:
    assert contiguous_end(parse_layout(text), address) == end


@pytest.mark.parametrize(("address", "length"), [(F405_START, 0x100000), (F405_END - 1, 1), (0x20000000, 1)])
def test_length_that_there_is(address: int, length: int) -> None:
    check_length(F405, address, length)


def test_length_behind_the_end() -> None:
    with pytest.raises(UsageError, match=r"^2 bytes from 0x080fffff on .*: the memory ends at 0x080fffff$"):
        check_length(F405, F405_END - 1, 2)


def test_spell_ranges_joins_neighbours() -> None:
    two_banks = parse_layout("@A /0x1FFFC000/01*016 e,01*016 g/0x1FFEC000/01*016 e")
    assert spell_ranges(two_banks, Access.WRITABLE) == "0x1ffec000..0x1ffec00f and 0x1fffc000..0x1fffc01f"
