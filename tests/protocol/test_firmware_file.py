"""DFU suffixes and DfuSe files: what is built is read back, and anything damaged is refused in one way."""

import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_protocol import ProtocolError
from dfu_protocol.firmware_file import (
    PLAIN_VERSION,
    DfuSeFile,
    Element,
    Suffix,
    Target,
    add_suffix,
    dfu_crc,
    is_dfuse,
    parse_dfuse,
    split_suffix,
)

U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
SUFFIXES = st.builds(Suffix, U16, U16, U16, U16)
NAMES = st.none() | st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=254)
ELEMENTS = st.builds(Element, st.integers(0, 0xFFFFFF00), st.binary(max_size=64))
TARGETS = st.builds(Target, U8, st.lists(ELEMENTS, max_size=3).map(tuple), NAMES)
FILES = st.builds(DfuSeFile, st.lists(TARGETS, max_size=3).map(tuple), SUFFIXES)

FIRMWARE = DfuSeFile(
    (
        Target(0, (Element(0x08000000, b"\x00\x00\x02\x20"), Element(0x08004000, b"xyz")), "ST..."),
        Target(1, (Element(0x1FFFC000, bytes(16)),)),
    ),
    Suffix(bcdDevice=0x2200),
)

# Where the fields of FIRMWARE stand (UM0391).
IMAGE_SIZE, TARGETS_AT = 6, 10
FIRST_TARGET = 11
NAMED, NAME, TARGET_SIZE, NB_ELEMENTS = (
    FIRST_TARGET + 7,
    FIRST_TARGET + 11,
    FIRST_TARGET + 266,
    FIRST_TARGET + 270,
)
FIRST_ELEMENT = FIRST_TARGET + 274
ELEMENT_SIZE = FIRST_ELEMENT + 4


def body_of(file: DfuSeFile) -> bytes:
    return file.build()[:-16]


def patched(offset: int, value: int, size: int = 4) -> bytes:
    """FIRMWARE with other bytes at ``offset`` under a suffix that fits them."""
    body = bytearray(body_of(FIRMWARE))
    body[offset : offset + size] = value.to_bytes(size, "little")
    return add_suffix(bytes(body), FIRMWARE.suffix)


class TestSuffix:
    def test_crc_is_not_inverted_at_the_end(self) -> None:
        assert dfu_crc(b"123456789") == 0x340BC6D9  # CRC-32/JAMCRC, check value of its catalogue entry
        assert dfu_crc(b"") == 0xFFFFFFFF

    def test_bytes_that_dfu_suffix_writes(self) -> None:
        written = bytes.fromhex("68656c6c6f ffff 11df 8304 0001 554644 10 c7269052")
        suffix = Suffix(0x0483, 0xDF11, 0xFFFF, PLAIN_VERSION)
        assert add_suffix(b"hello", suffix) == written
        assert split_suffix(written) == (b"hello", suffix)

    @given(st.binary(max_size=200), SUFFIXES)
    def test_is_taken_off_again(self, body: bytes, suffix: Suffix) -> None:
        assert split_suffix(add_suffix(body, suffix)) == (body, suffix)

    @given(st.binary(max_size=60).filter(lambda data: data[-8:-5] != b"UFD"))
    def test_none_there(self, data: bytes) -> None:
        assert split_suffix(data) == (data, None)

    def test_signature_in_fewer_bytes_than_a_suffix_has(self) -> None:
        data = b"UFD\x10\x00\x00\x00\x00"
        assert split_suffix(data) == (data, None)

    @given(st.binary(min_size=1, max_size=40), SUFFIXES, st.data())
    def test_one_wrong_bit_is_noticed(self, body: bytes, suffix: Suffix, data: st.DataObject) -> None:
        good = add_suffix(body, suffix)
        bit = data.draw(st.integers(0, 8 * len(good) - 1))
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        if bytes(bad[-8:-5]) != b"UFD":
            assert split_suffix(bytes(bad)) == (bytes(bad), None)
        else:
            with pytest.raises(ProtocolError, match="damaged"):
                split_suffix(bytes(bad))

    @pytest.mark.parametrize("length", [0, 15, 22, 255])
    def test_length_that_cannot_be(self, length: int) -> None:
        unsigned = b"hello" + bytes(8) + b"UFD" + bytes([length])
        with pytest.raises(ProtocolError, match=f"length as {length} bytes"):
            split_suffix(unsigned + (zlib.crc32(unsigned) ^ 0xFFFFFFFF).to_bytes(4, "little"))

    def test_longer_suffix_of_a_later_standard(self) -> None:
        unsigned = b"hello" + b"more" + bytes(8) + b"UFD" + bytes([20])
        body, suffix = split_suffix(unsigned + (zlib.crc32(unsigned) ^ 0xFFFFFFFF).to_bytes(4, "little"))
        assert (body, suffix) == (b"hello", Suffix(0, 0, 0, 0))

    def test_field_too_large(self) -> None:
        with pytest.raises(ProtocolError, match="idVendor"):
            add_suffix(b"", Suffix(idVendor=0x10000))

    @pytest.mark.parametrize("body", [b"", b"hello", bytes(range(256)) * 20], ids=["empty", "short", "long"])
    @pytest.mark.parametrize("version", [0x0100, 0x011A])
    def test_dfu_suffix_agrees(self, dfu_suffix: str, tmp_path: Path, body: bytes, version: int) -> None:
        path = tmp_path / "firmware.dfu"
        path.write_bytes(add_suffix(body, Suffix(0x1234, 0x5678, 0x9ABC, version)))
        checked = subprocess.run([dfu_suffix, "--check", path], capture_output=True, text=True, check=True)
        values = dict(line.split(":\t", 1) for line in checked.stdout.splitlines() if ":\t" in line)
        values = {name: value.strip() for name, value in values.items()}
        assert values["Vendor ID"] == "0x1234"
        assert values["Product ID"] == "0x5678"
        assert values["BCD device"] == "0x9ABC"
        assert int(values["BCD DFU"], 16) == version
        assert int(values["CRC"], 16) == dfu_crc(path.read_bytes()[:-4])

    def test_what_dfu_suffix_adds_is_read(self, dfu_suffix: str, tmp_path: Path) -> None:
        path = tmp_path / "firmware.bin"
        path.write_bytes(b"firmware")
        options = ["--vid", "0x0483", "--pid", "0xdf11", "--did", "0x2200", "--spec", "0x0100"]
        subprocess.run([dfu_suffix, *options, "--add", path], capture_output=True, check=True)
        assert split_suffix(path.read_bytes()) == (b"firmware", Suffix(0x0483, 0xDF11, 0x2200, 0x0100))


class TestDfuSe:
    @given(FILES)
    def test_a_file_survives_building_and_parsing(self, file: DfuSeFile) -> None:
        built = file.build()
        assert is_dfuse(built)
        assert parse_dfuse(built) == file

    def test_layout_of_um0391(self) -> None:
        data = FIRMWARE.build()
        assert data[:6] == b"DfuSe\x01"
        assert int.from_bytes(data[IMAGE_SIZE:TARGETS_AT], "little") == len(data) - 16
        assert data[TARGETS_AT] == 2
        assert data[FIRST_TARGET : FIRST_TARGET + 7] == b"Target\x00"
        assert data[NAMED:NAME] == b"\x01\x00\x00\x00"
        assert data[NAME:TARGET_SIZE] == b"ST...".ljust(255, b"\0")
        assert data[TARGET_SIZE:FIRST_ELEMENT].hex(" ") == "17 00 00 00 02 00 00 00"
        assert data[FIRST_ELEMENT : FIRST_ELEMENT + 12].hex(" ") == "00 00 00 08 04 00 00 00 00 00 02 20"
        assert data[-16:-4].hex(" ") == "00 22 11 df 83 04 1a 01 55 46 44 10"

    def test_a_name_without_its_flag_is_no_name(self) -> None:
        assert parse_dfuse(patched(NAMED, 0)).targets[0].name is None

    def test_a_name_that_fills_its_field(self) -> None:
        body = body_of(FIRMWARE)
        full = body[:NAME] + b"n" * 255 + body[TARGET_SIZE:]
        assert parse_dfuse(add_suffix(full, FIRMWARE.suffix)).targets[0].name == "n" * 255

    def test_cut_off_at_every_byte(self) -> None:
        whole = FIRMWARE.build()
        for size in range(len(whole)):
            with pytest.raises(ProtocolError):
                parse_dfuse(whole[:size])

    def test_cut_off_at_every_byte_before_the_suffix_was_added(self) -> None:
        body = body_of(FIRMWARE)
        for size in range(len(body)):
            with pytest.raises(ProtocolError):
                parse_dfuse(add_suffix(body[:size], FIRMWARE.suffix))

    def test_cut_off_at_every_byte_with_an_image_size_that_fits(self) -> None:
        body = body_of(FIRMWARE)
        for size in range(FIRST_TARGET, len(body)):
            cut = body[:IMAGE_SIZE] + size.to_bytes(4, "little") + body[TARGETS_AT:size]
            with pytest.raises(ProtocolError, match=r"needs \d+ bytes at byte"):
                parse_dfuse(add_suffix(cut, FIRMWARE.suffix))

    @pytest.mark.parametrize(
        ("offset", "value", "size", "message"),
        [
            (0, ord("d"), 1, "the DfuSe prefix .* is malformed"),
            (5, 2, 1, "the DfuSe prefix .* is malformed"),
            (IMAGE_SIZE, 0, 4, "speaks of 0 bytes"),
            (IMAGE_SIZE, 0xFFFFFFFF, 4, "speaks of 4294967295 bytes"),
            (TARGETS_AT, 0, 1, "bytes are left over"),
            (TARGETS_AT, 1, 1, "bytes are left over"),
            (TARGETS_AT, 3, 1, "target 2 needs 274 bytes"),
            (TARGETS_AT, 255, 1, "target 2 needs 274 bytes"),
            (FIRST_TARGET, ord("t"), 1, "target 0 .* is malformed"),
            (TARGET_SIZE, 0, 4, "target 0 speaks of 0 bytes, its elements have 23"),
            (TARGET_SIZE, 0xFFFFFFFF, 4, "target 0 speaks of 4294967295 bytes"),
            (NB_ELEMENTS, 0, 4, "target 0 speaks of 23 bytes, its elements have 0"),
            (NB_ELEMENTS, 1, 4, "its elements have 12"),
            (NB_ELEMENTS, 0xFFFFFFFF, 4, "target 0"),
            (ELEMENT_SIZE, 0xFFFFFFFF, 4, "ends above the 32-bit address space"),
            (ELEMENT_SIZE, 0x7FFFFFFF, 4, "the data of element 0 of target 0 needs 2147483647 bytes"),
            (FIRST_ELEMENT, 0xFFFFFFFD, 4, "element 0 of target 0 ends above the 32-bit address space"),
        ],
    )
    def test_sizes_that_do_not_add_up(self, offset: int, value: int, size: int, message: str) -> None:
        with pytest.raises(ProtocolError, match=message):
            parse_dfuse(patched(offset, value, size))

    def test_bytes_behind_the_last_target(self) -> None:
        body = body_of(FIRMWARE) + b"!"
        grown = body[:IMAGE_SIZE] + len(body).to_bytes(4, "little") + body[TARGETS_AT:]
        with pytest.raises(ProtocolError, match="1 bytes are left over"):
            parse_dfuse(add_suffix(grown, FIRMWARE.suffix))

    def test_bytes_behind_the_suffix(self) -> None:
        with pytest.raises(ProtocolError, match="no DFU suffix"):
            parse_dfuse(FIRMWARE.build() + b"!")

    def test_wrong_crc(self) -> None:
        data = bytearray(FIRMWARE.build())
        data[FIRST_ELEMENT + 8] ^= 1
        with pytest.raises(ProtocolError, match="damaged"):
            parse_dfuse(bytes(data))

    def test_a_plain_file_with_a_suffix(self) -> None:
        plain = add_suffix(b"\x00" * 64, Suffix())
        assert not is_dfuse(plain)
        with pytest.raises(ProtocolError, match="malformed"):
            parse_dfuse(plain)

    @given(st.binary(max_size=400))
    def test_random_bytes_are_a_protocol_error(self, data: bytes) -> None:
        for candidate in (data, add_suffix(data, Suffix())):
            with pytest.raises(ProtocolError):
                parse_dfuse(candidate)

    @given(st.data())
    def test_a_file_with_some_wrong_bytes_is_read_or_a_protocol_error(self, data: st.DataObject) -> None:
        body = bytearray(body_of(FIRMWARE))
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(U8)
        try:
            file = parse_dfuse(add_suffix(bytes(body), FIRMWARE.suffix))
        except ProtocolError:
            return
        assert len(file.targets) == body[TARGETS_AT]

    @pytest.mark.parametrize(
        ("file", "message"),
        [
            (DfuSeFile((Target(256, ()),)), "bAlternateSetting"),
            (DfuSeFile((Target(0, ()),) * 256), "bTargets"),
            (DfuSeFile((Target(0, (Element(1 << 32, b""),)),)), "dwElementAddress"),
            (DfuSeFile((Target(0, (Element(0xFFFFFFFF, b"xy"),)),)), "32-bit address space"),
            (DfuSeFile((Target(0, (), "n" * 255),)), "at most 254 characters"),
            (DfuSeFile((Target(0, (), "a\0b"),)), "NUL"),
            (DfuSeFile((Target(0, (), "Ω"),)), "Latin-1"),
            (DfuSeFile((), Suffix(bcdDFU=-1)), "bcdDFU"),
        ],
    )
    def test_what_no_file_can_say(self, file: DfuSeFile, message: str) -> None:
        with pytest.raises(ProtocolError, match=message):
            file.build()
