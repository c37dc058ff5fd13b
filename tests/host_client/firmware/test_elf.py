"""ELF files, whole and damaged."""

from pathlib import Path
from struct import pack

import pytest

from dfu_host.errors import FileError
from dfu_host.firmware import Firmware, Image, load
from host_client.firmware.samples import ELEMENTS, FAR, elf, put


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

    @pytest.mark.parametrize(
        ("machine", "name"), [(3, "386"), (243, "RISCV"), (83, "AVR"), (62, "X86_64"), (0xFEED, "65261")]
    )
    def test_for_another_machine(self, tmp_path: Path, machine: int, name: str) -> None:
        path = put(tmp_path, "a.elf", elf(ELEMENTS, machine=machine))
        with pytest.raises(FileError, match=rf"a\.elf: this ELF file is for {name}, 32 bits, little-endian"):
            load(path)

    def test_for_a_big_endian_arm(self, tmp_path: Path) -> None:
        content = bytearray(elf(ELEMENTS))
        content[5] = 2
        content[16:20] = pack(">HH", 2, 40)
        with pytest.raises(FileError, match=r"big-endian|no intact ELF"):
            load(put(tmp_path, "a.elf", content))

    @pytest.mark.parametrize(("kind", "name"), [(1, "REL"), (3, "DYN"), (4, "CORE")])
    def test_that_is_not_linked(self, tmp_path: Path, kind: int, name: str) -> None:
        with pytest.raises(FileError, match=f"of type {name}, not an executable"):
            load(put(tmp_path, "a.elf", elf(ELEMENTS, kind=kind)))
