"""Intel HEX and S-record files, whole and damaged."""

from pathlib import Path

import bincopy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_host.errors import FileError, UsageError
from dfu_host.firmware import Firmware, Image, load
from dfu_protocol.firmware_file import Element
from host_client.firmware.samples import ELEMENTS, START, put


@pytest.fixture
def image() -> bincopy.BinFile:
    image = bincopy.BinFile()
    for element in ELEMENTS:
        image.add_binary(element.data, element.address)
    image.execution_start_address = START
    return image


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

    @pytest.mark.parametrize(
        ("records", "where"),
        [
            ([0, 2], "0x08000002..0x08000003 twice: in line 2 and in line 3"),
            ([0, 0], "0x08000000..0x08000003 twice: in line 2 and in line 3"),
            ([4, 0, 2], "0x08000002..0x08000003 twice: in line 3 and in line 4"),
            ([4, 8, 0, 6], "0x08000006..0x08000007 twice: in line 2 and in line 5"),
        ],
    )
    def test_data_given_twice(self, tmp_path: Path, records: list[int], where: str) -> None:
        lines = [hex_record(4, 0, b"\x08\x00"), *(hex_record(0, at, b"1234") for at in records)]
        content = "\n".join([*lines, ":00000001FF\n"])
        with pytest.raises(FileError, match=rf"a\.hex: there is data for {where}$"):
            load(put(tmp_path, "a.hex", content))

    def test_above_the_address_space(self, tmp_path: Path) -> None:
        record = ":02FFFF000102"
        checksum = -sum(bytes.fromhex(record[1:])) & 0xFF
        top = f":02000004FFFFFC\n{record}{checksum:02X}\n:00000001FF\n"
        with pytest.raises(FileError, match="above the 32-bit address space"):
            load(put(tmp_path, "a.hex", top))

    @pytest.mark.parametrize(
        ("name", "line"), [("a.hex", 1), ("a.hex", 3), ("a.srec", 2), ("a.srec", 3), ("a.srec", 5)]
    )
    def test_damaged_line_is_named(
        self, tmp_path: Path, image: bincopy.BinFile, name: str, line: int
    ) -> None:
        lines = (image.as_ihex() if name == "a.hex" else image.as_srec()).splitlines()
        checksum = int(lines[line - 1][-2:], 16)
        lines[line - 1] = f"{lines[line - 1][:-2]}{checksum ^ 0x01:02X}"
        with pytest.raises(FileError, match=rf"{name}: line {line} is damaged: .*crc"):
            load(put(tmp_path, name, "\r\n".join(lines)))

    @pytest.mark.parametrize("line", [":0400000001020304F", ":0400000001g20304F2", ":04000000010203"])
    def test_line_that_is_cut_off(self, tmp_path: Path, line: str) -> None:
        with pytest.raises(FileError) as caught:
            load(put(tmp_path, "a.hex", f":020000040800F2\n{line}\n"))
        assert "a.hex: line 2 is damaged: " in str(caught.value)
        assert "fromhex" not in str(caught.value)

    def test_missing_record_is_noticed_by_the_count(self, tmp_path: Path, image: bincopy.BinFile) -> None:
        lines = image.as_srec().splitlines(keepends=True)
        assert lines[-2].startswith("S5")
        number = len(lines) - 2
        with pytest.raises(FileError, match=f"line {number} has counted 3 lines of data, but there are 2"):
            load(put(tmp_path, "a.srec", "".join(lines[:1] + lines[2:])))

    @pytest.mark.parametrize("name", ["a.hex", "a.srec"])
    def test_two_files_in_one(self, tmp_path: Path, image: bincopy.BinFile, name: str) -> None:
        text = image.as_ihex() if name == "a.hex" else image.as_srec()
        with pytest.raises(FileError, match=r"line \d+ has data behind the end of the file"):
            load(put(tmp_path, name, text + text))

    @pytest.mark.parametrize("name", ["a.hex", "a.srec"])
    @pytest.mark.parametrize("ending", ["\r", "\r\n", "\n"])
    def test_line_ends(self, tmp_path: Path, image: bincopy.BinFile, name: str, ending: str) -> None:
        text = image.as_ihex() if name == "a.hex" else image.as_srec()
        path = put(tmp_path, name, text.replace("\n", ending))
        assert load(path).images == (Image(None, ELEMENTS),)

    @pytest.mark.parametrize("name", ["a.hex", "a.srec"])
    @pytest.mark.parametrize("padding", ["\x1a", "\r\n\x1a", "\0" * 100, "\n\x1a\0\0\n"])
    def test_padding_behind_the_end(
        self, tmp_path: Path, image: bincopy.BinFile, name: str, padding: str
    ) -> None:
        text = image.as_ihex() if name == "a.hex" else image.as_srec()
        assert load(put(tmp_path, name, text + padding)).images == (Image(None, ELEMENTS),)

    def test_long_lines_are_not_shown_whole(self, tmp_path: Path) -> None:
        with pytest.raises(FileError) as caught:
            load(put(tmp_path, "a.hex", f":00000001FF\n{'x' * 1_000_000}\n"))
        assert str(caught.value).endswith(
            f"a.hex: line 2 is damaged: record '{'x' * 44}...' not starting with a ':'"
        )

    @pytest.mark.parametrize("record", [":00000006FA", ":0100000408F3", ":00000002FE"])
    def test_record_that_there_is_not(self, tmp_path: Path, record: str) -> None:
        with pytest.raises(FileError, match=r"line 1 is damaged: there is no such record of type"):
            load(put(tmp_path, "a.hex", f"{record}\n:0400000001020304F2\n:00000001FF\n"))

    def test_segment_addresses(self, tmp_path: Path) -> None:
        lines = [
            hex_record(2, 0, b"\x10\x00"),
            hex_record(0, 4, b"12"),
            hex_record(3, 0, bytes(4)),
            ":00000001FF",
        ]
        path = put(tmp_path, "a.hex", "\n".join(lines))
        assert load(path).images[0].elements == (Element(0x10004, b"12"),)

    def test_blank_lines_do_not_matter(self, tmp_path: Path, image: bincopy.BinFile) -> None:
        text = "\n\n" + image.as_ihex().replace("\n", "\r\n\n") + "\n"
        assert load(put(tmp_path, "a.hex", text)).images == (Image(None, ELEMENTS),)


def hex_record(of_type: int, address: int, data: bytes) -> str:
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([of_type]) + data
    return f":{body.hex()}{-sum(body) & 0xFF:02x}"


@pytest.mark.parametrize("name", ["a.hex", "a.srec"])
@given(data=st.data())
def test_any_changed_digit_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """But for the type of an S-record, which its checksum does not cover."""
    lines = text_of(name).splitlines()
    line = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(1 if name == "a.hex" else 2, len(lines[line]) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789ABCDEF" if d != lines[line][at]]))
    lines[line] = lines[line][:at] + digit + lines[line][at + 1 :]
    with pytest.raises(FileError):
        load(put(tmp_path_factory.mktemp("digit"), name, "\n".join(lines)))


@pytest.mark.parametrize("name", ["a.hex", "a.srec"])
@given(data=st.data())
def test_cut_off_anywhere(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """But for the last record of S-records, whose count tells that all data is there."""
    lines = text_of(name).splitlines(keepends=True)
    kept = "".join(lines if name == "a.hex" else lines[:-1]).rstrip()
    with pytest.raises(FileError):
        load(put(tmp_path_factory.mktemp("cut"), name, kept[: data.draw(st.integers(0, len(kept) - 1))]))


def text_of(name: str) -> str:
    image = bincopy.BinFile()
    for element in ELEMENTS:
        image.add_binary(element.data, element.address)
    text: str = image.as_ihex() if name == "a.hex" else image.as_srec()
    return text
