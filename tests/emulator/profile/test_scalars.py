"""Sizes, durations, runs of sectors and bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.profile.scalars import Duration, HexBytes, Sectors, Size, decode


@pytest.mark.parametrize(
    ("written", "size"),
    [(0, 0), (512, 512), ("512", 512), ("16K", 16384), ("16 K", 16384), ("1M", 1 << 20), ("4096M", 1 << 32)],
)
def test_size(written: int | str, size: int) -> None:
    assert Size.read(written) == size
    assert isinstance(decode(Size, written), Size)


@pytest.mark.parametrize(
    "written", [-1, True, None, 1.0, "", "K", "16k", "16KB", "1G", "-1", "0x10", "1.5K", "4097M", "٣", [16]]
)
def test_no_size(written: Any) -> None:
    with pytest.raises(ValueError, match="expected a size like 512, 16K or 1M"):
        Size.read(written)


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [("16 us", 16), ("16us", 16), ("400 ms", 400_000), ("1.5 s", 1_500_000), ("52.5 us", 52), ("0 s", 0)],
)
def test_duration(written: str, microseconds: int) -> None:
    assert Duration.read(written) == microseconds
    assert isinstance(decode(Duration, written), Duration)


@pytest.mark.parametrize(
    "written", [5, "5", "s", "5 sec", "5 min", "-5 s", "1e3 s", ".5 s", "5. s", "9" * 400 + " s", None, True]
)
def test_no_duration(written: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a duration like 16 us, 400 ms or 1\.5 s"):
        Duration.read(written)


@given(st.integers(0, 999_999_999), st.sampled_from([("us", 1), ("ms", 1_000), ("s", 1_000_000)]))
def test_whole_durations_are_exact(number: int, unit: tuple[str, int]) -> None:
    assert Duration.read(f"{number} {unit[0]}") == number * unit[1]


@pytest.mark.parametrize(
    ("written", "run"), [("4*16K", (4, 16384)), ("1536 * 128", (1536, 128)), ("8*128 K", (8, 131072))]
)
def test_sectors(written: str, run: tuple[int, int]) -> None:
    assert Sectors.read(written) == run
    assert isinstance(decode(Sectors, written), Sectors)


@pytest.mark.parametrize("written", ["0*16K", "4*0", "16K", "4*16KB", "4x16K", "*16K", 4, None, [4, 16384]])
def test_no_sectors(written: Any) -> None:
    with pytest.raises(ValueError, match=r"expected sectors like 4\*16K"):
        Sectors.read(written)


@pytest.mark.parametrize(
    ("written", "data"),
    [("FF aa", b"\xff\xaa"), ("00", b"\0"), ("FF  00\n11", b"\xff\x00\x11"), ("FFAA", b"\xff\xaa")],
)
def test_hex_bytes(written: str, data: bytes) -> None:
    assert HexBytes.read(written) == data
    assert isinstance(decode(HexBytes, written), HexBytes)


@pytest.mark.parametrize("written", ["F", "FF A", "0xFF", "GG", 255, None, [255]])
def test_no_hex_bytes(written: Any) -> None:
    with pytest.raises(ValueError, match="expected bytes in hexadecimal like 'FF AA'"):
        HexBytes.read(written)


def test_no_scalar() -> None:
    with pytest.raises(NotImplementedError):
        decode(complex, "1")
