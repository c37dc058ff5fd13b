"""Layout strings: what real chips have as iInterface, and what parsing and building agree on."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dfu_protocol import Access, Layout, ProtocolError, Segment, parse_layout

NONE = Access.NONE
E = Access.READABLE | Access.WRITABLE
G = Access.READABLE | Access.ERASABLE | Access.WRITABLE
K = 1024

F4_1M = [
    (0x08000000, 4, 16 * K, G),
    (0x08010000, 1, 64 * K, G),
    (0x08020000, 7, 128 * K, G),
]
F4_SECOND_BANK = [
    (0x08100000, 4, 16 * K, G),
    (0x08110000, 1, 64 * K, G),
    (0x08120000, 7, 128 * K, G),
]
F4_512K = [*F4_1M[:2], (0x08020000, 3, 128 * K, G)]
F4_OTP = [(0x1FFF7800, 1, 512, E), (0x1FFF7A00, 1, 16, E)]

# Every alternate string in published listings of real chips: chip, string, segments.
REAL = [
    ("F042", "@Internal Flash  /0x08000000/032*0001Kg", [(0x08000000, 32, K, G)]),
    ("F072", "@Internal Flash  /0x08000000/064*0002Kg", [(0x08000000, 64, 2 * K, G)]),
    ("F303", "@Internal Flash  /0x08000000/128*0002Kg", [(0x08000000, 128, 2 * K, G)]),
    ("F0 F105 F107 F303", "@Option Bytes  /0x1FFFF800/01*016 e", [(0x1FFFF800, 1, 16, E)]),
    ("F107, bcdDevice 0x2000", "@Option Bytes  /0x1FFFF800/01*016 g", [(0x1FFFF800, 1, 16, G)]),
    ("F105 F107", "@Internal Flash  /0x08000000/128*002Kg", [(0x08000000, 128, 2 * K, G)]),
    ("F405", "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", F4_1M),
    ("F411 F446", "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg", F4_512K),
    (
        "F42x",
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg",
        F4_1M + F4_SECOND_BANK,
    ),
    (
        "F42x, one space",
        "@Internal Flash /0x08000000/04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg",
        F4_1M + F4_SECOND_BANK,
    ),
    ("F4", "@Option Bytes  /0x1FFFC000/01*016 e", [(0x1FFFC000, 1, 16, E)]),
    ("F4, bcdDevice 0x2100", "@Option Bytes  /0x1FFFC000/01*016 g", [(0x1FFFC000, 1, 16, G)]),
    (
        "F42x, two ranges",
        "@Option Bytes  /0x1FFFC000/01*016 e/0x1FFEC000/01*016 e",
        [(0x1FFFC000, 1, 16, E), (0x1FFEC000, 1, 16, E)],
    ),
    ("F4", "@OTP Memory /0x1FFF7800/01*512 e,01*016 e", F4_OTP),
    (
        "F4, bcdDevice 0x2100",
        "@OTP Memory /0x1FFF7800/01*512 g,01*016 g",
        [(0x1FFF7800, 1, 512, G), (0x1FFF7A00, 1, 16, G)],
    ),
    (
        "F42x, two ranges",
        "@OTP Memory /0x1FFF7800/01*512 e,01*016 e/0x1FFE7800/01*512 e,01*016 e",
        [*F4_OTP, (0x1FFE7800, 1, 512, E), (0x1FFE7A00, 1, 16, E)],
    ),
    ("F4 F7 L4", "@Device Feature/0xFFFF0000/01*004 e", [(0xFFFF0000, 1, 4, E)]),
    ("F4, bcdDevice 0x2100", "@Device Feature/0xFFFF0000/01*004 g", [(0xFFFF0000, 1, 4, G)]),
    ("F722", "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg", F4_512K),
    ("F722", "@Option Bytes  /0x1FFF0000/01*048 e", [(0x1FFF0000, 1, 48, E)]),
    ("F722, no unit", "@OTP Memory /0x1FF07800/01*528e", [(0x1FF07800, 1, 528, E)]),
    ("G0B1 G431", "@Internal Flash   /0x08000000/64*02Kg", [(0x08000000, 64, 2 * K, G)]),
    ("G431, unit B", "@Option Bytes   /0x1FFF7800/01*40Be", [(0x1FFF7800, 1, 40, E)]),
    ("G431", "@OTP Memory   /0x1FFF7000/01*01Ke", [(0x1FFF7000, 1, K, E)]),
    ("G474", "@Internal Flash   /0x08000000/256*02Kg", [(0x08000000, 256, 2 * K, G)]),
    (
        "G474, two ranges",
        "@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e",
        [(0x1FFF7800, 1, 48, E), (0x1FFFF800, 1, 48, E)],
    ),
    ("G474", "@OTP Memory   /0x1FFF7000/01*1024 e", [(0x1FFF7000, 1, 1024, E)]),
    ("H723", "@Internal Flash   /0x08000000/8*128Kg", [(0x08000000, 8, 128 * K, G)]),
    ("H723", "@Option Bytes   /0x5200201C/01*88 e", [(0x5200201C, 1, 88, E)]),
    ("H743 H753", "@Internal Flash   /0x08000000/16*128Kg", [(0x08000000, 16, 128 * K, G)]),
    ("H743 H753", "@Option Bytes   /0x5200201C/01*128 e", [(0x5200201C, 1, 128, E)]),
    ("H7A3 U585", "@Internal Flash   /0x08000000/256*08Kg", [(0x08000000, 256, 8 * K, G)]),
    ("H7A3", "@Option Bytes   /0x5200201C/01*297 e", [(0x5200201C, 1, 297, E)]),
    ("H7A3", "@OTP Memory   /0x08FFF000/01*1024 e", [(0x08FFF000, 1, 1024, E)]),
    ("L083", "@Internal Flash  /0x08000000/1536*128g", [(0x08000000, 1536, 128, G)]),
    ("L083 L1", "@Option Bytes  /0x1FF80000/01*032 e", [(0x1FF80000, 1, 32, E)]),
    ("L083", "@DATA Memory /0x08080000/2*3Ke", [(0x08080000, 2, 3 * K, E)]),
    ("L1", "@Internal Flash  /0x08000000/1024*256 g", [(0x08000000, 1024, 256, G)]),
    ("L1", "@DATA Memory /0x08080000/02*004Ke", [(0x08080000, 2, 4 * K, E)]),
    ("L4", "@Internal Flash  /0x08000000/0256*0002Kg", [(0x08000000, 256, 2 * K, G)]),
    ("L4", "@Option Bytes  /0x1FFF7800/01*040 e", [(0x1FFF7800, 1, 40, E)]),
    ("L4 L4R9", "@OTP Memory /0x1FFF7000/01*0001Ke", [(0x1FFF7000, 1, K, E)]),
    ("L4R9", "@Internal Flash  /0x08000000/512*0004Kg", [(0x08000000, 512, 4 * K, G)]),
    (
        "L4R9, two ranges",
        "@Option Bytes  /0x1FF00000/01*040 e/0x1FF01000/01*040 e",
        [(0x1FF00000, 1, 40, E), (0x1FF01000, 1, 40, E)],
    ),
    ("U5, 4 MiB", "@Internal Flash   /0x08000000/512*08Kg", [(0x08000000, 512, 8 * K, G)]),
    ("U5", "@Option Bytes   /0x40022040/01*64 e", [(0x40022040, 1, 64, E)]),
    ("U5", "@OTP Memory   /0x0BFA0000/01*512 e", [(0x0BFA0000, 1, 512, E)]),
]


def segments(*rows: tuple[int, int, int, Access]) -> tuple[Segment, ...]:
    return tuple(Segment(*row) for row in rows)


@pytest.mark.parametrize(
    ("chip", "text", "expected"), REAL, ids=[f"{chip}: {text}" for chip, text, _ in REAL]
)
def test_strings_of_real_chips(chip: str, text: str, expected: list[tuple[int, int, int, Access]]) -> None:
    layout = parse_layout(text)
    assert layout.segments == segments(*expected)
    assert layout.name == text[1 : text.index("/")]
    assert layout.junk == ""
    assert parse_layout(layout.build()) == layout


@pytest.mark.parametrize(
    "text",
    [
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
        "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
        "@Option Bytes  /0x1FFFC000/01*016 e/0x1FFEC000/01*016 e",
        "@Device Feature/0xFFFF0000/01*004 e",
    ],
)
def test_building_pads_like_the_f4(text: str) -> None:
    assert parse_layout(text).build() == text


@pytest.mark.parametrize(
    ("text", "expected", "junk"),
    [
        ("@X/0x0/1*1K", [(0, 1, K, NONE)], ""),
        ("@X/0x0/1*16", [(0, 1, 16, NONE)], ""),
        ("@X/0x0/1*16 ", [(0, 1, 16, NONE)], ""),
        ("@X/0x0/1*1Ma", [(0, 1, K * K, Access.READABLE)], ""),
        ("@X/0x0/1*4 d", [(0, 1, 4, Access.WRITABLE)], ""),
        ("@X/0x0/1*1K,2*2K", [(0, 1, K, NONE), (K, 2, 2 * K, NONE)], ""),
        ("@/0x0/1*1Kg", [(0, 1, K, G)], ""),
        ("@X / 0x10 / 1 * 2Kg", [(0x10, 1, 2 * K, G)], ""),
        ("@X/0xffff0000/1*4e", [(0xFFFF0000, 1, 4, E)], ""),
        ("@X/0x0/1*131072g", [(0, 1, 131072, G)], ""),
        ("@X/0x0/1*1Kg\ufffd\x00!", [(0, 1, K, G)], "\ufffd\x00!"),
        ("@X/0x0/1*1Kgarbage", [(0, 1, K, G)], "arbage"),
        ("@X/0x0/1*1Kg,", [(0, 1, K, G)], ","),
        ("@X/0x0/1*1Kg,nonsense", [(0, 1, K, G)], ",nonsense"),
        ("@X/0x0/1*1Kg,0*1Kg", [(0, 1, K, G)], ",0*1Kg"),
        ("@X/0x0/1*1Kg/0x1000/", [(0, 1, K, G)], "/0x1000/"),
        ("@X/0x0/1*1Kg/nowhere/1*1Kg", [(0, 1, K, G)], "/nowhere/1*1Kg"),
        ("@X/0x0/1*1Kh", [(0, 1, K, NONE)], "h"),
        ("@X/0xFFFFFC00/1*1Kg,1*1Kg", [(0xFFFFFC00, 1, K, G)], ",1*1Kg"),
        ("@X/0x0/1*1Kg,1*99999999999g", [(0, 1, K, G)], ",1*99999999999g"),
    ],
)
def test_odd_strings(text: str, expected: list[tuple[int, int, int, Access]], junk: str) -> None:
    layout = parse_layout(text)
    assert layout.segments == segments(*expected)
    assert layout.junk == junk


@pytest.mark.parametrize(
    "text",
    [
        "",
        "STM32  BOOTLOADER",
        "Internal Flash  /0x08000000/04*016Kg",
        "@",
        "@Internal Flash",
        "@Internal Flash  /",
        "@Internal Flash  /0x08000000",
        "@Internal Flash  /0x08000000/",
        "@Internal Flash  /08000000/04*016Kg",
        "@Internal Flash  /0x108000000/04*016Kg",
        "@Internal Flash  /0x08000000/00*016Kg",
        "@Internal Flash  /0x08000000/04*000Kg",
        "@Internal Flash  /0x08000000/04-016Kg",
        "@Internal Flash  /0xFFFFFFF0/01*017 g",
        "@Internal Flash  /0x0/4096*2Mg",
    ],
)
def test_strings_without_a_name_or_a_segment(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_layout(text)


@given(st.text(st.sampled_from("@/0x18FK*,gBM e"), max_size=40))
def test_any_text_is_a_layout_or_a_protocol_error(text: str) -> None:
    try:
        layout = parse_layout(text)
    except ProtocolError:
        return
    assert layout.segments
    assert text.endswith(layout.junk)
    assert all(0 <= s.address < s.end <= 1 << 32 for s in layout.segments)


SIZES = st.one_of(
    st.integers(1, 4096),
    st.integers(1, 1023).map(lambda n: n * 1024),
    st.integers(1, 16).map(lambda n: n * 1024 * 1024),
)
SEGMENTS = st.builds(
    Segment, st.integers(0, 0xF0000000), st.integers(1, 16), SIZES, st.integers(0, 7).map(Access)
)
LAYOUTS = st.builds(
    Layout,
    st.text(st.characters(exclude_characters="/"), max_size=20),
    st.lists(SEGMENTS, min_size=1).map(tuple),
)


@given(LAYOUTS)
def test_a_layout_survives_building_and_parsing(layout: Layout) -> None:
    assert parse_layout(layout.build()) == layout


@given(LAYOUTS, st.text(min_size=1, max_size=20))
def test_junk_survives_building_and_parsing(layout: Layout, junk: str) -> None:
    assume(layout.segments[-1].access and junk[0] not in ",/")
    with_junk = Layout(layout.name, layout.segments, junk)
    assert parse_layout(with_junk.build()) == with_junk


def test_adjacent_segments_share_an_address() -> None:
    layout = Layout("X", segments((0, 2, K, G), (2 * K, 1, 512, E), (K * K, 1, K, NONE)))
    assert layout.build() == "@X/0x00000000/02*001Kg,01*512 e/0x00100000/01*001K"


@pytest.mark.parametrize(
    ("letter", "access"),
    [
        ("", NONE),
        ("a", Access.READABLE),
        ("b", Access.ERASABLE),
        ("c", Access.READABLE | Access.ERASABLE),
        ("d", Access.WRITABLE),
        ("e", Access.READABLE | Access.WRITABLE),
        ("f", Access.ERASABLE | Access.WRITABLE),
        ("g", Access.READABLE | Access.ERASABLE | Access.WRITABLE),
    ],
)
def test_type_letters(letter: str, access: Access) -> None:
    assert access.letter == letter
    assert parse_layout(f"@X/0x0/1*1K{letter}").segments[0].access == access


class TestLookup:
    layout = Layout("X", segments(*F4_1M, (0x1FFF7800, 1, 512, E)))

    @pytest.mark.parametrize(
        ("address", "page"),
        [
            (0x08000000, (0x08000000, 16 * K)),
            (0x08003FFF, (0x08000000, 16 * K)),
            (0x08004000, (0x08004000, 16 * K)),
            (0x0801FFFF, (0x08010000, 64 * K)),
            (0x080FFFFF, (0x080E0000, 128 * K)),
            (0x1FFF7800, (0x1FFF7800, 512)),
            (0x07FFFFFF, None),
            (0x08100000, None),
            (0x1FFF7A00, None),
        ],
    )
    def test_page_at(self, address: int, page: tuple[int, int] | None) -> None:
        assert self.layout.page_at(address) == page

    def test_pages_cover_a_segment_without_gaps(self) -> None:
        for segment in self.layout.segments:
            pages = list(segment.pages())
            assert len(pages) == segment.count
            assert pages[0][0] == segment.address
            ends = [address + size for address, size in pages]
            assert ends == [address for address, _ in pages[1:]] + [segment.end]
            assert all(self.layout.segment_at(address) is segment for address, _ in pages)
