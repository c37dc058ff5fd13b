"""Firmware files of every format are told apart, and damage is noticed."""

from pathlib import Path

import bincopy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.errors import FileError, HostError, UsageError
from dfu_host.firmware import Firmware, Format, Image, load
from dfu_protocol.firmware_file import DfuSeFile, Element, Suffix, Target, add_suffix
from host_client.firmware.samples import CODE, ELEMENTS, START, elf, put


class TestRaw:
    def test_goes_where_it_is_told(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.bin", CODE)
        assert load(path, START) == Firmware((Image(None, (Element(START, CODE),)),))

    def test_needs_an_address(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"a\.bin: .*give --address"):
            load(put(tmp_path, "a.bin", CODE))

    def test_suffix_is_cut_off(self, tmp_path: Path) -> None:
        suffix = Suffix(idVendor=0x1234, idProduct=0x5678)
        firmware = load(put(tmp_path, "a.dfu", add_suffix(CODE, suffix)), START)
        assert firmware == Firmware((Image(None, (Element(START, CODE),)),), suffix)

    def test_damaged_suffix(self, tmp_path: Path) -> None:
        damaged = bytearray(add_suffix(CODE, Suffix()))
        damaged[0] ^= 1
        with pytest.raises(FileError, match=r"a\.bin: the file is damaged"):
            load(put(tmp_path, "a.bin", damaged), START)

    @pytest.mark.parametrize("start", [b":1000", b"S0030", b"\x7fELF", b"DfuSe"])
    def test_can_be_forced_whatever_it_begins_with(self, tmp_path: Path, start: bytes) -> None:
        firmware = load(put(tmp_path, "a.dfu", start), START, Format.RAW)
        assert firmware == Firmware((Image(None, (Element(START, start),)),))

    @pytest.mark.parametrize("name", ["a.dfu", "a.hex", "a.srec", "a.elf"])
    def test_is_refused_by_another_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(FileError, match=rf"{name}: this is not an? .* as its name says.*--input-format"):
            load(put(tmp_path, name, CODE), START)

    def test_ends_inside_the_address_space(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.bin", CODE)
        assert load(path, 2**32 - len(CODE)).images[0].start == 2**32 - len(CODE)
        with pytest.raises(FileError, match="above the 32-bit address space"):
            load(path, 2**32 - len(CODE) + 1)

    def test_empty(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match="nothing in it"):
            load(put(tmp_path, "a.bin", b""), START)

    def test_where_it_goes_otherwise(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.bin", CODE)
        assert load(path, otherwise=START).images[0].start == START
        assert load(path, 4, otherwise=START).images[0].start == 4
        assert load(put(tmp_path, "a.elf", elf(ELEMENTS)), otherwise=4).images == (Image(None, ELEMENTS),)

    def test_unreadable(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match=r"missing\.bin: No such file"):
            load(tmp_path / "missing.bin", START)
        with pytest.raises(FileError, match="Is a directory"):
            load(tmp_path, START)


class TestDfuSe:
    FILE = DfuSeFile(
        (
            Target(0, ELEMENTS, "Internal Flash"),
            Target(1, (Element(0x1FFFC000, bytes(16)),)),
            Target(2, ()),
        )
    )

    @pytest.mark.parametrize("name", ["a.dfu", "a", "a.bin"])
    def test_targets_become_images(self, tmp_path: Path, name: str) -> None:
        firmware = load(put(tmp_path, name, self.FILE.build()))
        assert firmware.images == (
            Image(0, ELEMENTS, "Internal Flash"),
            Image(1, (Element(0x1FFFC000, bytes(16)),)),
        )
        assert firmware.suffix == Suffix()
        assert firmware.images[0].start == START

    def test_has_its_own_addresses(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="a DfuSe file has its own addresses"):
            load(put(tmp_path, "a.dfu", self.FILE.build()), START)

    @given(cut=st.integers(1, 700))
    def test_cut_off_anywhere(self, tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
        whole = self.FILE.build()
        assert len(whole) > 700 + 5
        with pytest.raises(FileError):
            load(put(tmp_path_factory.mktemp("cut"), "a.dfu", whole[:-cut]))

    @given(at=st.integers(0, 900), flip=st.integers(1, 255))
    def test_any_changed_byte_is_noticed(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
    ) -> None:
        changed = bytearray(self.FILE.build())
        at %= len(changed)
        changed[at] ^= flip
        # What no longer looks like DfuSe is a raw file, which without --address is an error, too.
        with pytest.raises((FileError, UsageError)):
            load(put(tmp_path_factory.mktemp("flip"), "a.dfu", changed))


@given(
    name=st.sampled_from(["a.elf", "a.hex", "a.srec", "a.dfu", "a"]),
    changes=st.dictionaries(st.integers(0, 400), st.integers(0, 255), min_size=1, max_size=20),
)
def test_garbage_is_an_error_with_a_message(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: dict[int, int]
) -> None:
    image = bincopy.BinFile()
    image.add_binary(CODE, START)
    whole = {
        "a.elf": elf(ELEMENTS),
        "a.hex": image.as_ihex().encode(),
        "a.srec": image.as_srec().encode(),
        "a.dfu": TestDfuSe.FILE.build(),
        "a": elf(ELEMENTS),
    }
    content = bytearray(whole[name])
    for at, byte in changes.items():
        content[at % len(content)] = byte
    path = put(tmp_path_factory.mktemp("garbage"), name, content)
    try:
        firmware = load(path)
    except HostError as error:
        assert str(path) in str(error)  # noqa: PT017 - most garbage is noticed, but not all can be
    else:
        assert firmware.images
