"""``dfu-emulator profiles check``: what it says of profiles that are broken, odd or fine."""

from pathlib import Path

import pytest

from dfu_emulator.profile import available
from dfu_emulator.profile.shipped import path_of
from emulator.cli.conftest import Command

F405 = "extends: stm32f405\n"
X8 = "timing:\n  flash:\n    x8:\n"

# All of a file; then the line, the key and the message of one of the errors.
BROKEN = [
    # What the parts of the map say against each other
    (
        F405 + "memory:\n  ram:\n  - [0x080FFFFF, 0x08200000]",
        4,
        "memory.ram.0",
        "0x80fffff lies inside 'flash', which ends at 0x8100000",
    ),
    (
        F405 + "memory:\n  otp: { start: 0x1FFFC00F }",
        3,
        "memory.otp.start",
        "0x1fffc00f lies inside 'option_bytes'",
    ),
    (F405 + "memory:\n  ram: [[0x20000000, 0x1FFFFFFF]]", 3, "memory.ram.0", "does not lie above the start"),
    (
        F405 + "memory:\n  device_feature: { start: 0xFFFFFFFF }",
        3,
        "memory.device_feature.start",
        "ends above the 32-bit address space",
    ),
    (
        F405 + "memory:\n  system: { bootloader_id_address: 0x1FFF7800 }",
        3,
        "memory.system.bootloader_id_address",
        "lies outside the system memory",
    ),
    # Sizes that do not fill the layout string
    (
        F405 + "alternates:\n  - '@Flash/0x08000000/04*016Kg,01*064Kg,06*128Kg'",
        3,
        "alternates.0",
        "the layout string has 917504 bytes, memory.flash 1048576",
    ),
    (
        F405 + "alternates:\n  - '@Flash/0x08000000/08*128Kg'",
        3,
        "alternates.0",
        "a sector of 131072 at 0x8000000, memory.flash one of 16384 at 0x8000000",
    ),
    (
        F405 + "memory: { flash: { sectors: [4*16K, 1*64K, 8*128K] } }",
        1,
        "alternates.0",
        "the layout string has 1048576 bytes, memory.flash 1179648",
    ),
    (F405 + "alternates:\n- Internal Flash", 3, "alternates.0", "a layout string begins with '@'"),
    (F405 + "alternates:\n- '@Flash'", 3, "alternates.0", "no /ADDRESS/COUNT*SIZE"),
    (
        F405 + "memory:\n  flash:\n    size: 100K",
        4,
        "memory.flash.size",
        "102400 bytes are no whole number of this chip's sectors",
    ),
    # Unknown keys
    (F405 + "memmory: {}", 2, "memmory", "unknown key; did you mean 'memory'?"),
    (F405 + "usb:\n  idProdukt: 1", 3, "usb.idProdukt", "unknown key; did you mean 'idProduct'?"),
    (
        F405 + "memory:\n  flash:\n    program_with: 4",
        4,
        "memory.flash.program_with",
        "unknown key; did you mean 'program_width'?",
    ),
    (
        F405 + X8 + "      erase: { 16K: { typical: 1 s } }",
        5,
        "timing.flash.x8.erase.16K.typical",
        "unknown key; did you mean 'typ'?",
    ),
    # Units
    (
        F405 + "memory: { otp: { block: 32 B } }",
        2,
        "memory.otp.block",
        "expected a size like 512, 16K or 1M",
    ),
    (
        F405 + "timing:\n  connect: 250",
        3,
        "timing.connect",
        "expected a duration like 16 us, 400 ms or 1.5 s, found the number 250",
    ),
    (F405 + "timing:\n  connect: 250 sec", 3, "timing.connect", "found the text '250 sec'"),
    (
        F405 + "memory:\n  flash:\n    sectors:\n    - 4*16KB",
        5,
        "memory.flash.sectors.0",
        "expected sectors like 4*16K",
    ),
    (
        F405 + "memory:\n  option_bytes:\n    areas:\n    - { start: 0x1FFFC000, factory: FF A }",
        5,
        "memory.option_bytes.areas.0.factory",
        "expected bytes in hexadecimal like 'FF AA'",
    ),
    (F405 + X8 + "      erase: { 16KB: { typ: 1 s, max: 1 s } }", 5, "timing.flash.x8.erase.16KB", "a size"),
    # Wrong types
    (F405 + "part: 405", 2, "part", "expected text, found the number 405; text goes in quotes"),
    (
        F405 + "usb: { idVendor: '0x0483' }",
        2,
        "usb.idVendor",
        "expected a whole number, found the text '0x0483'",
    ),
    (F405 + "usb:\n- idVendor", 2, "usb", "expected a mapping, found a list"),
    (F405 + "alternates: '@Flash'", 2, "alternates", "expected a list, found the text '@Flash'"),
    (
        F405 + "memory: { otp: { lock_bytes: 1 } }",
        2,
        "memory.otp.lock_bytes",
        "expected true or false, found the number 1",
    ),
    (F405 + "evidence: { kind: hardware }", 2, "evidence", "expected a list, found a mapping"),
    (F405 + "rom_versions: [2100]", 2, "rom_versions", "expected a mapping, found a list"),
    # Values that cannot be
    (
        F405 + "usb: { bcdDevice: 0x12345 }",
        2,
        "usb.bcdDevice",
        "from 0 to 65535 (0xFFFF), found the number 74565",
    ),
    (
        F405 + "dfu: { wTransferSize: 4 }",
        2,
        "dfu.wTransferSize",
        "from 8 to 4096 (0x1000), found the number 4",
    ),
    (F405 + "alternates: []", 2, "alternates", "expected a list of 1 to 16, found one of 0"),
    (
        F405 + "bootloader:\n  busy: blok",
        3,
        "bootloader.busy",
        "block, poll, stall, found the text 'blok'; did you",
    ),
    (
        F405 + "memory: { flash: { erased: 0x55 } }",
        2,
        "memory.flash.erased",
        "an erased byte is 0x00 or 0xFF",
    ),
    (F405 + f"usb: {{ product: {'x' * 127} }}", 2, "usb.product", "126 UTF-16 units"),
    (
        F405 + "memory:\n  option_bytes:\n    rdp: { offset: 16 }",
        4,
        "memory.option_bytes.rdp.offset",
        "lies outside the 16 option bytes",
    ),
    (
        F405 + "memory:\n  option_bytes:\n    wrp_bits:\n    - { offset: 15, bits: 9 }",
        5,
        "memory.option_bytes.wrp_bits.0",
        "the bits do not fit the 16 option bytes",
    ),
    # Values that need another
    (F405 + "usb: { serial: fixed }", 2, "usb.serial", "a fixed serial number needs the key 'fixed_serial'"),
    ("name: mine", 1, "", "the key 'family' is missing"),
    (
        F405 + "memory:\n  device_feature:\n    voltage_ranges: [x8, x64]",
        4,
        "memory.device_feature.voltage_ranges.1",
        "timing.flash has no key 'x64'",
    ),
    (
        F405 + X8 + "      mass_erase: { typ: 33 s }",
        5,
        "timing.flash.x8.mass_erase",
        "the typical time is above the maximum",
    ),
    (
        F405 + "evidence:\n- { kind: inferred, source: me, of: [usb.bcd] }",
        3,
        "evidence.0.of.0",
        "the profile has no key 'usb.bcd'",
    ),
    (
        F405 + "evidence:\n- { kind: rumour, source: me, of: [usb] }",
        3,
        "evidence.0.kind",
        "expected one of hardware, document, inferred",
    ),
    # What is extended
    ("name: x\nextends: mine.yaml", 2, "extends", "'mine.yaml' extends this file again: a cycle"),
    (
        "name: x\nextends: stm32x405",
        2,
        "extends",
        "no profile is called 'stm32x405'; did you mean 'stm32f405'?",
    ),
    ("name: x\nextends: nowhere.yaml", 2, "extends", "there is no file"),
    ("name: x\nextends: [stm32f405]", 2, "extends", "expected a file or a shipped profile, found a list"),
    # Other ROMs of the part
    (
        F405 + "rom_versions:\n  '2300':\n    usb:\n      bcdDevice: 2300h",
        5,
        "usb.bcdDevice",
        "expected a whole number, found the text '2300h' (ROM version '2300')",
    ),
    (
        F405 + "rom_versions:\n  '2300':\n    memory: { otp: { start: 0x1FFFC000 } }",
        4,
        "memory.otp.start",
        "lies inside 'option_bytes', which ends at 0x1fffc010 (ROM version '2300')",
    ),
    # No YAML, or no mapping
    ("usb:\n\tidVendor: 1", 2, "", "YAML is indented by spaces, not by tabs"),
    ("usb:\n  idVendor: 1\n  idVendor: 2", 3, "usb.idVendor", "the key stands here twice"),
    ("usb:\n  <<: *other", 2, "", "not YAML"),
    ("- usb", 1, "", "expected keys with values, found a list"),
    ("", 1, "", "the file is empty; expected keys with values"),
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize(
    ("text", "line", "key", "message"), BROKEN, ids=[f"{row[2]}: {row[3]}"[:60] for row in BROKEN]
)
def test_broken(profiles: Command, mine: Path, text: str, line: int, key: str, message: str) -> None:
    mine.write_text(text)
    done = profiles("check", mine)
    assert done.code == 1
    place = f"{mine}:{line}: {key}: " if key else f"{mine}:{line}: "
    (told,) = (told for told in done.lines if told.startswith(place) and message in told)
    assert "warning" not in told
    assert done.lines[-1].startswith(f"{mine}: not valid, ")


def test_all_errors_at_once_and_each_once(profiles: Command, mine: Path) -> None:
    mine.write_text(
        F405 + "usb: { prodct: X }\nbootloader: { busy: blok }\n"
        "rom_versions:\n  '1': {}\n  '2': { dfu: { wTransferSize: big } }\n"
    )
    done = profiles("check", mine)
    assert [line.removeprefix(f"{mine}:").split(":")[:2] for line in done.lines[:-1]] == [
        ["2", " usb.prodct"],
        ["3", " bootloader.busy"],
        ["6", " dfu.wTransferSize"],
    ]
    assert done.lines[-1] == f"{mine}: not valid, 3 errors"


def test_what_is_inherited_is_told_with_the_place_it_comes_from(profiles: Command, mine: Path) -> None:
    (mine.parent / "family.yaml").write_text(F405 + "memory:\n  ram: [[0x20000000, 0x20020000]]\n")
    mine.write_text("name: mine\nextends: family.yaml\nmemory: { otp: { start: 0x1FFFFFFF } }\n")
    told = profiles("check", mine).lines[0]
    assert told.startswith(f"{mine}:2: memory.ram.0: 0x20000000 lies inside 'otp'")
    assert told.endswith(f"; inherited from {mine.parent / 'family.yaml'}:3")


def test_a_file_that_cannot_be_read(profiles: Command, mine: Path) -> None:
    done = profiles("check", mine)
    assert (done.code, done.lines) == (
        1,
        [f"{mine}: cannot be read: No such file or directory", f"{mine}: not valid, 1 error"],
    )


def test_one_of_several_files(profiles: Command, mine: Path) -> None:
    mine.write_text("part: 5")
    done = profiles("check", path_of("stm32f405"), mine)
    assert done.code == 1
    assert done.lines[-1].startswith(f"{mine}: not valid")
    assert f"{path_of('stm32f405')}: valid, STM32F405RG" in done.lines


def test_what_ships_is_valid(profiles: Command) -> None:
    done = profiles("check", *map(path_of, available()))
    assert done.code == 0
    assert [line for line in done.lines if ": valid, STM32" not in line and "warning" not in line] == []


class TestWarnings:
    """What is no error, but may be a mistake."""

    OWN = F405 + "name: mine\npart: STM32F405XX\n"

    def test_none(self, profiles: Command, mine: Path) -> None:
        mine.write_text(
            self.OWN + "usb: { bcdDevice: 0x2201 }\n"
            "evidence: [{ kind: inferred, source: me, of: [usb.bcdDevice] }]\n"
        )
        done = profiles("check", mine)
        assert (done.code, done.lines) == (0, [f"{mine}: valid, STM32F405XX"])

    def test_a_value_without_evidence(self, profiles: Command, mine: Path) -> None:
        mine.write_text(self.OWN + "usb:\n  product: X\n")
        assert profiles("check", mine).lines == [
            f"{mine}:5: usb.product: warning: no evidence says how this is known",
            f"{mine}: valid, STM32F405XX, 1 warning",
        ]

    def test_a_section_without_evidence_is_one_warning(self, profiles: Command, mine: Path) -> None:
        mine.write_text(self.OWN + "timing:\n  flash:\n    x8: { erase: { 16K: { typ: 1 s, max: 1 s } } }\n")
        (told, _) = profiles("check", mine).lines
        assert told.startswith(f"{mine}:6: timing.flash.x8.erase.16K: warning: no evidence")

    def test_the_name_of_a_shipped_profile(self, profiles: Command, mine: Path) -> None:
        mine.write_text(F405 + "name: stm32h743\n")
        (told, _) = profiles("check", mine).lines
        assert told == f"{mine}:2: name: warning: a shipped profile is called 'stm32h743' too"

    def test_no_name_of_its_own(self, profiles: Command, mine: Path) -> None:
        mine.write_text(F405)
        (told, _) = profiles("check", mine).lines
        assert told.startswith(
            f"{mine}:1: name: warning: a shipped profile is called 'stm32f405' too; inherited"
        )

    @pytest.mark.parametrize(
        ("layout", "told"),
        [
            ("/0x1FFFC000/01*032 e", "32 bytes at 0x1fffc000, memory.option_bytes 16"),
            ("/0x1FFFC010/01*016 e", "16 bytes at 0x1fffc010, where no memory begins"),
            ("/0x1FFFC000/01*016 e/0x1FFFC020/01*016 e", "16 bytes at 0x1fffc020, where no memory begins"),
        ],
    )
    def test_an_alternate_that_is_not_as_the_memory(
        self, profiles: Command, mine: Path, layout: str, told: str
    ) -> None:
        mine.write_text(
            self.OWN + "alternates:\n- '@Flash/0x08000000/04*016Kg,01*064Kg,07*128Kg'\n"
            f"- '@Option{layout}'\nevidence: [{{ kind: inferred, source: me, of: [alternates] }}]\n"
        )
        done = profiles("check", mine)
        assert done.code == 0
        assert done.lines[:-1] == [f"{mine}:6: alternates.1: warning: the layout string has {told}"]
