"""Every format that can be written reads back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.errors import FileError, UsageError
from dfu_host.firmware import Firmware, Format, Image, Suffix, build, load
from dfu_protocol.firmware_file import Element
from host_client.firmware.samples import CODE, ELEMENTS, FAR, START, put

_SPACE = 1 << 32
suffixes = st.builds(
    Suffix, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.just(0x011A)
)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Element, ...]:
    """Elements in order, with gaps between them, anywhere in the address space."""
    pieces = draw(st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=5))
    gaps = draw(st.lists(st.integers(1, 100_000), min_size=len(pieces), max_size=len(pieces)))
    size = sum(map(len, pieces)) + sum(gaps)
    anywhere = st.integers(0, _SPACE - size) | st.sampled_from([0, 0xFFF0, START, _SPACE - size])
    address = draw(anywhere)
    elements = []
    for piece, gap in zip(pieces, gaps, strict=True):
        address += gap
        elements.append(Element(address, piece))
        address += len(piece)
    return tuple(elements)


@given(elements=runs(), kind=st.sampled_from([Format.HEX, Format.SREC]))
def test_records(
    tmp_path_factory: pytest.TempPathFactory, elements: tuple[Element, ...], kind: Format
) -> None:
    content = build(Firmware((Image(2, elements, "Name"),), Suffix()), kind)
    path = put(tmp_path_factory.mktemp("records"), "file", content)
    assert load(path) == Firmware((Image(None, elements),))


@given(
    images=st.lists(
        st.builds(
            Image, st.integers(0, 255), runs(), st.none() | st.from_regex(r"[A-Za-z ]{1,30}", fullmatch=True)
        ),
        min_size=1,
        max_size=4,
    ),
    suffix=suffixes,
)
def test_dfuse(tmp_path_factory: pytest.TempPathFactory, images: list[Image], suffix: Suffix) -> None:
    firmware = Firmware(tuple(images), suffix)
    path = put(tmp_path_factory.mktemp("dfuse"), "file", build(firmware, Format.DFUSE))
    assert load(path) == firmware


@given(data=st.binary(min_size=1, max_size=300), suffix=suffixes)
def test_plain_dfu(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: Suffix) -> None:
    firmware = Firmware((Image(None, (Element(START, data),)),), suffix)
    path = put(tmp_path_factory.mktemp("dfu"), "file", build(firmware, Format.DFU))
    assert load(path, START, Format.DFU) == firmware


@given(elements=runs(), fill=st.integers(0, 255))
def test_raw(elements: tuple[Element, ...], fill: int) -> None:
    start = elements[0].address
    content = build(Firmware((Image(None, elements),)), Format.RAW, fill)
    assert len(content) == elements[-1].address + len(elements[-1].data) - start
    for element in elements:
        at = element.address - start
        assert content[at : at + len(element.data)] == element.data
        content = content[:at] + bytes([fill]) * len(element.data) + content[at + len(element.data) :]
    assert set(content) == {fill}


def test_gaps_need_a_fill() -> None:
    firmware = Firmware((Image(None, ELEMENTS),))
    with pytest.raises(UsageError, match=r"no data for 0x08000032\.\.0x0801000f: --fill"):
        build(firmware, Format.RAW)
    touching = Firmware((Image(0, (Element(START + 50, b"end"),)), Image(1, (Element(START, CODE),))))
    assert build(touching, Format.RAW) == CODE + b"end"


@pytest.mark.parametrize("kind", [Format.RAW, Format.HEX, Format.SREC, Format.DFU])
def test_memories_that_overlap(kind: Format) -> None:
    firmware = Firmware((Image(0, ELEMENTS), Image(1, (Element(FAR.address + 1, b"x"),))))
    with pytest.raises(FileError, match="data for 0x08010011 more than once"):
        build(firmware, kind, 0xFF)


def test_what_dfuse_cannot_say() -> None:
    with pytest.raises(FileError, match="not expressible"):
        build(Firmware((Image(256, ELEMENTS),)), Format.DFUSE)


def test_elf_is_not_written() -> None:
    with pytest.raises(UsageError, match="an ELF file cannot be written"):
        build(Firmware((Image(None, (Element(0, b"x"),)),)), Format.ELF)
