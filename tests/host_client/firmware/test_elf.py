"""ELF files, whole and damaged."""

import shutil
import subprocess
from pathlib import Path
from struct import pack

import pytest

from dfu_host.errors import FileError
from dfu_host.firmware import Firmware, Format, Image, build, load
from dfu_protocol.firmware_file import Element
from host_client.firmware.samples import CODE, ELEMENTS, FAR, START, elf, put


class TestElf:
    @pytest.mark.parametrize("name", ["a.elf", "a", "a.bin"])
    def test_is_loaded_where_its_segments_go(self, tmp_path: Path, name: str) -> None:
        assert load(put(tmp_path, name, elf(ELEMENTS))) == Firmware((Image(None, ELEMENTS),))

    def test_without_section_headers(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.elf", elf(ELEMENTS, sections=False))
        assert load(path) == Firmware((Image(None, ELEMENTS),))

    def test_bytes_of_a_segment_that_are_in_no_section(self, tmp_path: Path) -> None:
        content = bytearray(elf((Element(START, CODE),)))
        table = int.from_bytes(content[32:36], "little")
        size_at = table + 40 + 20
        assert content[size_at] == len(CODE)
        content[size_at] -= 10
        assert load(put(tmp_path, "a.elf", content)).images[0].elements == (Element(START, CODE),)

    def test_without_load_addresses(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.elf", elf((Element(0, CODE),), run_address=START))
        assert load(path).images[0].elements == (Element(START, CODE),)

    def test_segments_that_touch_become_one_element(self, tmp_path: Path) -> None:
        path = put(tmp_path, "a.elf", elf((Element(START + len(CODE), b"behind"), Element(START, CODE))))
        assert load(path).images[0].elements == (Element(START, CODE + b"behind"),)

    @pytest.mark.parametrize(
        ("sections", "names"),
        [
            (True, r"in \.text and in \.data"),
            (False, "in the segment from 0x74 of the file on and in the segment from 0xa6 .*"),
        ],
    )
    def test_segments_that_overlap(self, tmp_path: Path, sections: bool, names: str) -> None:
        twice = elf((Element(START, CODE), Element(START + 40, bytes(20))), sections=sections)
        with pytest.raises(
            FileError, match=rf"a\.elf: there is data for 0x08000028\.\.0x08000031 twice: {names};"
        ):
            load(put(tmp_path, "a.elf", twice))

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


SOURCE = """\
.section .isr_vector, "a"
.long 0x20001000, 0x08000011
.text
.byte 1, 2, 3, 4, 5
.data
.byte 9, 8, 7
.bss
.space 16
"""
PLAIN = """\
MEMORY {
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K
  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 16K
}
SECTIONS {
  .isr_vector : { *(.isr_vector) } > FLASH
  .text : { . = ALIGN(16); *(.text) } > FLASH
  .data : { *(.data) } > RAM AT > FLASH
  .bss : { *(.bss) } > RAM
}
"""
WITH_HEADERS = """\
SECTIONS {
  . = 0x08000000 + SIZEOF_HEADERS;
  .text : { *(.isr_vector) *(.text) }
  .data : { *(.data) }
}
"""


@pytest.mark.skipif(
    not all(map(shutil.which, ("as", "ld", "objcopy"))), reason="there is no linker to make a file"
)
@pytest.mark.parametrize("script", [PLAIN, WITH_HEADERS], ids=["plain", "headers in the first segment"])
def test_what_a_linker_makes_is_read_as_objcopy_does(tmp_path: Path, script: str) -> None:
    """Linked for an x86 of 32 bits, of which all hosts' tools know, and then said to be for ARM."""
    put(tmp_path, "a.s", SOURCE)
    put(tmp_path, "a.ld", script)
    for command in (
        "as --32 a.s -o a.o",
        "ld -m elf_i386 --no-warn-rwx-segments -z noseparate-code -T a.ld a.o -o a.elf",
        "objcopy -O binary a.elf a.bin",
    ):
        if subprocess.run(command.split(), cwd=tmp_path, check=False).returncode:
            pytest.skip(f"this machine's binutils cannot do: {command}")
    content = bytearray((tmp_path / "a.elf").read_bytes())
    content[18:20] = pack("<H", 40)
    firmware = load(put(tmp_path, "a.elf", content))
    assert build(firmware, Format.RAW, 0) == (tmp_path / "a.bin").read_bytes()
