"""Firmware files of every format, whole and damaged."""

from pathlib import Path
from struct import pack

import bincopy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.errors import FileError, HostError, UsageError
from dfu_host.firmware import Firmware, Format, Image, load
from dfu_protocol.firmware_file import DfuSeFile, Element, Suffix, Target, add_suffix

START = 0x08000000
CODE = bytes(range(1, 51))
FAR = Element(0x08010010, b"far away")
ELEMENTS = (Element(START, CODE), FAR)


@pytest.fixture
def image() -> bincopy.BinFile:
    image = bincopy.BinFile()
    for element in ELEMENTS:
        image.add_binary(element.data, element.address)
    image.execution_start_address = START
    return image


def put(folder: Path, name: str, content: bytes | bytearray | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def elf(elements: tuple[Element, ...], run_address: int = 0x20000000) -> bytes:
    """A minimal 32-bit little-endian ARM ELF: a segment and a section for each element."""
    header_size, program_size, section_size = 52, 32, 40
    names = b"\0.text\0.shstrtab\0"
    at = header_size + program_size * len(elements)
    programs, sections, body = b"", bytes(section_size), b""
    for element in elements:
        size = len(element.data)
        programs += pack("<8I", 1, at + len(body), run_address, element.address, size, size, 5, 4)
        sections += pack("<10I", 1, 1, 6, run_address, at + len(body), size, 0, 0, 4, 0)
        body += element.data
    sections += pack("<10I", 7, 3, 0, 0, at + len(body), len(names), 0, 0, 1, 0)
    body += names
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + pack("<HHI", 2, 40, 1)
    header += pack("<III", START, header_size, at + len(body))
    header += pack(
        "<IHHHHHH",
        0,
        header_size,
        program_size,
        len(elements),
        section_size,
        len(elements) + 2,
        len(elements) + 1,
    )
    return header + programs + body + sections


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


class TestHexAndSrec:
    @pytest.mark.parametrize("name", ["a.hex", "A.HEX", "a", "a.bin", "a.srec"])
    def test_hex(self, tmp_path: Path, image: bincopy.BinFile, name: str) -> None:
        assert load(put(tmp_path, name, image.as_ihex())) == Firmware((Image(None, ELEMENTS),))

    @pytest.mark.parametrize("name", ["a.s19", "a", "a.bin", "a.hex"])
    def test_srec(self, tmp_path: Path, image: bincopy.BinFile, name: str) -> None:
        assert load(put(tmp_path, name, image.as_srec())) == Firmware((Image(None, ELEMENTS),))

    def test_have_their_own_addresses(self, tmp_path: Path, image: bincopy.BinFile) -> None:
        with pytest.raises(UsageError, match="an Intel HEX file has its own addresses"):
            load(put(tmp_path, "a.hex", image.as_ihex()), START)

    @pytest.mark.parametrize("name", ["a.hex", "a.srec"])
    def test_without_the_last_record(self, tmp_path: Path, image: bincopy.BinFile, name: str) -> None:
        text: str = image.as_ihex() if name == "a.hex" else image.as_srec()
        cut = "".join(text.splitlines(keepends=True)[: -1 if name == "a.hex" else -2])
        with pytest.raises(FileError, match=f"{name}: .* it is cut off"):
            load(put(tmp_path, name, cut))

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.hex", ":0400000001020304F3\n:00000001FF\n"),
            ("a.hex", ":04000000010203zzF2\n:00000001FF\n"),
            ("a.hex", ":0400\n:00000001FF\n"),
            ("a.hex", "S9030000FC\n"),
            ("a.hex", b"\xff\xfe:\n:00000001FF\n"),
            ("a.hex", ""),
            ("a.hex", ":0400000601020304EC\n:00000001FF\n"),
            ("a.srec", "S107000001020304EF\nS9030000FC\n"),
            ("a.srec", "hello\nS9030000FC\n"),
            ("a.elf", ":00000001FF\n"),
        ],
    )
    def test_damaged(self, tmp_path: Path, name: str, content: bytes | str) -> None:
        with pytest.raises(FileError, match=name):
            load(put(tmp_path, name, content))

    def test_data_given_twice(self, tmp_path: Path) -> None:
        twice = ":0400000001020304F2\n:0400020001020304F0\n:00000001FF\n"
        with pytest.raises(FileError, match=r"a\.hex"):
            load(put(tmp_path, "a.hex", twice))

    def test_above_the_address_space(self, tmp_path: Path) -> None:
        record = ":02FFFF000102"
        checksum = -sum(bytes.fromhex(record[1:])) & 0xFF
        top = f":02000004FFFFFC\n{record}{checksum:02X}\n:00000001FF\n"
        with pytest.raises(FileError, match="above the 32-bit address space"):
            load(put(tmp_path, "a.hex", top))


class TestElf:
    @pytest.mark.parametrize("name", ["a.elf", "a", "a.bin"])
    def test_is_loaded_where_its_segments_go(self, tmp_path: Path, name: str) -> None:
        assert load(put(tmp_path, name, elf(ELEMENTS))) == Firmware((Image(None, ELEMENTS),))

    @pytest.mark.parametrize("length", [4, 20, 60, 130, 200])
    def test_cut_off(self, tmp_path: Path, length: int) -> None:
        whole = elf(ELEMENTS)
        assert length < len(whole)
        with pytest.raises(FileError, match=r"a\.elf"):
            load(put(tmp_path, "a.elf", whole[:length]))

    def test_with_less_data_than_it_says(self, tmp_path: Path) -> None:
        content = bytearray(elf(ELEMENTS))
        sections = int.from_bytes(content[32:36], "little")
        for size_at in (52 + 32 + 16, sections + 2 * 40 + 20):
            assert content[size_at] == len(FAR.data)
            content[size_at : size_at + 4] = pack("<I", 10_000)
        with pytest.raises(FileError, match="cut off: data for 0x08010010 is missing"):
            load(put(tmp_path, "a.elf", content))

    def test_without_anything_to_load(self, tmp_path: Path) -> None:
        with pytest.raises(FileError, match="nothing in it"):
            load(put(tmp_path, "a.elf", elf(())))


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
