"""Contradictions between values: each is told at the key to change."""

import re
from pathlib import Path

import pytest

from dfu_emulator.profile import ProfileError, load

X8 = "timing:\n  flash:\n    x8:\n"
FIRST_ALTERNATE = "alternates:\n  - '@Internal Flash  {}'"
ONE_AREA = "memory:\n  option_bytes:\n    areas:\n      - {{ start: 0x1FFFC000, factory: {} }}"
TWO_AREAS = (
    "memory:\n  option_bytes:\n    areas:\n"
    f"      - {{{{ start: 0x1FFEC000, factory: {'FF ' * 16}}}}}\n"
    "      - {{ start: {}, factory: {} }}"
)

# What follows 'extends: stm32f405'; then line, key, message.
CONTRADICTIONS = [
    ("alternates:\n  - Internal Flash", 3, "alternates.0", "a layout string begins with '@'"),
    ("alternates:\n  - '@Internal Flash'", 3, "alternates.0", "no /ADDRESS/COUNT*SIZE"),
    (f"alternates:\n  - '@X/0x0/1*1Kg'\n  - '@{'x' * 126}/0x0/1*1Kg'", 4, "alternates.1", "126 UTF-16 units"),
    (f"usb: {{ product: {'x' * 127} }}", 2, "usb.product", "126 UTF-16 units"),
    (f"usb: {{ manufacturer: {'x' * 127} }}", 2, "usb.manufacturer", "126 UTF-16 units"),
    (f"usb: {{ fixed_serial: {'x' * 127} }}", 2, "usb.fixed_serial", "126 UTF-16 units"),
    ("usb:\n  serial: fixed", 3, "usb.serial", "needs the key 'fixed_serial'"),
    (f"alternate_tails: ['00', '{'41' * 250}']", 2, "alternates.1", "126 UTF-16 units"),
    (
        "alternate_tails:\n  - '00'\n  - ''\n  - ''\n  - ''\n  - '00'",
        7,
        "alternate_tails.4",
        "there is no alternate 4, the last is 3",
    ),
    ("protection:\n  read: ignore", 3, "protection.read", "a read has to give data or an error"),
    # Two values that say the same thing differently
    (
        FIRST_ALTERNATE.format("/0x08000000/04*016Kg,01*064Kg,07*064Kg"),
        3,
        "alternates.0",
        "a sector of 65536 at 0x8020000, memory.flash one of 131072 at 0x8020000; make them agree",
    ),
    (
        FIRST_ALTERNATE.format("/0x08010000/04*016Kg,01*064Kg,07*128Kg"),
        3,
        "alternates.0",
        "a sector of 16384 at 0x8010000, memory.flash one of 16384 at 0x8000000",
    ),
    (
        FIRST_ALTERNATE.format("/0x08000000/04*016Kg,01*064Kg,08*128Kg"),
        3,
        "alternates.0",
        "1179648 bytes, memory.flash 1048576; make them agree, or say memory.flash.as_in_layout: false",
    ),
    (
        "memory:\n  flash:\n    sectors: [4*16K, 1*64K]",
        2,
        "alternates.0",
        "1048576 bytes, memory.flash 131072",
    ),
    # The flash
    ("memory:\n  flash:\n    erased: 0x55", 4, "memory.flash.erased", "is 0x00 or 0xFF, not 0x55"),
    (
        "memory:\n  flash:\n    program_width: 3",
        4,
        "memory.flash.program_width",
        "a sector of 16384 bytes is no multiple of 3",
    ),
    (
        "memory:\n  flash:\n    write_alignment: 12",
        4,
        "memory.flash.write_alignment",
        "a sector of 16384 bytes is no multiple of 12",
    ),
    # Where things are
    (
        "memory:\n  ram:\n    - [0x20003000, 0x20004000]\n    - [0x20008000, 0x20008000]",
        5,
        "memory.ram.1",
        "the end 0x20008000 does not lie above the start 0x20008000",
    ),
    (
        "memory:\n  ram: [[0x0807FFFF, 0x08100010]]",
        3,
        "memory.ram.0",
        "0x807ffff lies inside 'flash', which ends at 0x8100000",
    ),
    (
        "memory:\n  ram:\n    - [0x20003000, 0x20004000]\n    - [0x20003FFF, 0x20005000]",
        5,
        "memory.ram.1",
        "0x20003fff lies inside 'ram', which ends at 0x20004000",
    ),
    (
        "memory:\n  flash: { as_in_layout: false, start: 0xFFFFF000 }",
        3,
        "memory.flash.start",
        "ends above the 32-bit address space",
    ),
    ("memory:\n  eeprom:\n    start: 0x08080000\n    size: 0", 5, "memory.eeprom.size", "at least one byte"),
    (
        "memory:\n  eeprom: { start: 0x080FFFFF, size: 4K }",
        3,
        "memory.eeprom.start",
        "0x80fffff lies inside 'flash'",
    ),
    (
        "memory:\n  system:\n    areas: [[8, 16], [16, 4]]",
        4,
        "memory.system.areas.1",
        "0x4 does not lie above",
    ),
    (
        "memory:\n  system:\n    bootloader_id_address: 0x1FFF7800",
        4,
        "memory.system.bootloader_id_address",
        "outside",
    ),
    (
        "memory:\n  system:\n    bootloader_id_address: 0x1FFF77FF\n    bootloader_id: 0x100",
        4,
        "memory.system.bootloader_id_address",
        "outside",  # it has two bytes
    ),
    ("memory:\n  system:\n    bootloader_id:", 3, "memory.system", "bootloader_id_address go together"),
    (
        "memory:\n  system:\n    bootloader_id_address:",
        3,
        "memory.system",
        "bootloader_id_address go together",
    ),
    # Option bytes
    (
        "memory:\n  option_bytes:\n    rdp: { offset: 16 }",
        4,
        "memory.option_bytes.rdp.offset",
        "outside the 16 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    rdp: { level2: 0xAA }",
        4,
        "memory.option_bytes.rdp.level2",
        "is the value of level 0",
    ),
    (
        "memory:\n  option_bytes:\n    areas:\n      - { start: 8, factory: '' }",
        5,
        "memory.option_bytes.areas.0.factory",
        "at least one byte",
    ),
    (
        "memory:\n  option_bytes:\n    areas:\n      - { start: 0x1FFF7700, factory: AA }",
        5,
        "memory.option_bytes.rdp.offset",
        "outside the 1 option bytes",
    ),
    (
        TWO_AREAS.format("0x1FFEC00F", "FF"),
        6,
        "memory.option_bytes.areas.1.start",
        "0x1ffec00f lies inside 'option_bytes', which ends at 0x1ffec010",
    ),
    (
        TWO_AREAS.format("0x1FFFC000", "AA 55 FF 00 AA 55 FF") + "\n    complement: 1",
        5,
        "memory.option_bytes.areas.0.factory",
        "with complements this is FF 00 ",
    ),
    (
        ONE_AREA.format("AA 55 FF") + "\n    complement: 1",
        5,
        "memory.option_bytes.areas.0.factory",
        "3 bytes are no multiple of 2, a value with its complement",
    ),
    (
        ONE_AREA.format("AA 00 55 00") + "\n    complement: 2",
        5,
        "memory.option_bytes.areas.0.factory",
        "with complements this is AA 00 55 FF",
    ),
    (
        "memory:\n  option_bytes:\n    wrp_bits:\n      - { offset: 15, bits: 9 }",
        5,
        "memory.option_bytes.wrp_bits.0",
        "do not fit the 16 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    wrp_bits:\n      - { offset: 15, bits: 2, first_bit: 7 }",
        5,
        "memory.option_bytes.wrp_bits.0",
        "do not fit the 16 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    wrp_bits:\n      - { offset: 0, bits: 1, area: 1 }",
        5,
        "memory.option_bytes.wrp_bits.0.area",
        "there is no area 1, the last is 0",
    ),
    (
        TWO_AREAS.format("0x1FFFC000", "FF") + "\n    wrp_ranges: [{ first: 0, last: 1, area: 1 }]",
        7,
        "memory.option_bytes.wrp_ranges.0",
        "do not fit the 1 option bytes",
    ),
    # One-time programmable memory, stacks, times
    ("memory:\n  otp: { block: 0 }", 3, "memory.otp.block", "at least one byte"),
    ("memory:\n  stacks: [[8, 8]]", 3, "memory.stacks.0", "the end 0x8 does not lie above the start 0x8"),
    (
        "memory:\n  flash:\n    as_in_layout: false\n    sectors: [32*32K]",
        2,
        "timing.flash.x8.erase",
        "no time for sectors of 32768 bytes",
    ),
    (
        X8 + "      erase:\n        16KB: { typ: 1 s, max: 1 s }",
        6,
        "timing.flash.x8.erase.16KB",
        "expected a size",
    ),
    (
        X8 + "      erase:\n        16384: { typ: 1 s, max: 1 s }",
        6,
        "timing.flash.x8.erase.16384",
        "a second time for sectors of 16384 bytes",
    ),
    (
        X8 + "      mass_erase: { typ: 33 s }",
        5,
        "timing.flash.x8.mass_erase",
        "typical time is above the maximum",
    ),
    (
        X8 + "      erase: { 16K: { max: 1 ms } }",
        5,
        "timing.flash.x8.erase.16K",
        "typical time is above the maximum",
    ),
    (
        "memory:\n  device_feature:\n    voltage_ranges: [x8, x64]",
        4,
        "memory.device_feature.voltage_ranges.1",
        "timing.flash has no key 'x64'",
    ),
    (
        "evidence:\n  - { kind: inferred, source: me, of: [usb, usb.bcd] }",
        3,
        "evidence.0.of.1",
        "the profile has no key 'usb.bcd'",
    ),
    (
        "evidence:\n  - { kind: inferred, source: me, of: [alternates.4] }",
        3,
        "evidence.0.of.0",
        "no key 'alternates.4'",
    ),
    (
        "evidence:\n  - { kind: inferred, source: me, of: [alternates.²] }",
        3,
        "evidence.0.of.0",
        "no key 'alternates.²'",
    ),
    ("evidence:\n  - { kind: inferred, source: me, of: [''] }", 3, "evidence.0.of.0", "no key ''"),
]


@pytest.mark.parametrize(
    ("text", "line", "key", "message"), CONTRADICTIONS, ids=[f"{row[2]}: {row[3]}" for row in CONTRADICTIONS]
)
def test_a_contradiction(tmp_path: Path, text: str, line: int, key: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: stm32f405\n{text}\n")
    with pytest.raises(ProfileError, match=re.escape(message)) as caught:
        load(str(path))
    assert caught.value.key == key
    if caught.value.file == path:
        assert caught.value.line == line
    else:
        assert caught.value.file is not None
        assert caught.value.line is not None


@pytest.mark.parametrize(
    "text",
    [
        "usb: { serial: fixed, fixed_serial: STM32 }",
        "memory: { ram: [] }",  # some ROMs use all of it
        "memory: { ram: [[0x08100000, 0x08100001]] }",  # right behind the flash
        "memory: { ram: [[0x20004000, 0x20005000], [0x20003000, 0x20004000]] }",  # in whatever order
        "memory: { otp: , device_feature: }",
        "memory: { otp: { write_once: 8 } }",
        "memory: { eeprom: { start: 0x08100000, size: 2K } }",
        "memory: { system: { bootloader_id_address: 0x1FFF0000 } }",
        "memory: { system: { bootloader_id_address: 0x1FFF77FF } }",
        "memory: { system: { bootloader_id_address: 0x1FFF77FE, bootloader_id: 0xFFFF } }",
        "memory: { system: { bootloader_id_address: , bootloader_id: } }",
        "memory: { option_bytes: { wrp_bits: [{ offset: 8, bits: 64 }] } }",
        "memory: { option_bytes: { wrp_bits: [{ offset: 15, bits: 1, first_bit: 7 }] } }",
        "memory: { option_bytes: { wrp_bits: [] } }",
        "memory: { option_bytes: { wrp_ranges: [{ first: 15, last: 0 }] } }",
        "memory: { option_bytes: { rdp: { level2: } } }",
        TWO_AREAS.format("0x1FFFC000", "FF") + "\n    wrp_ranges: [{ first: 0, last: 0, area: 1 }]",
        "memory: { flash: { as_in_layout: false, start: 0x08100000 } }",
        "memory: { flash: { as_in_layout: false, sectors: [8*128K] } }",
        FIRST_ALTERNATE.format(f"/0x08000000/4*16Kg,1*64Kg,7*128Kg{'!' * 60}"),  # as chips have it
        "alternate_tails: ['', '00']",
        f"alternate_tails: ['{'41' * (253 - 2 * 55)}']",
        f"usb: {{ product: {'x' * 126} }}",
    ],
)
def test_what_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: stm32f405\n{text}\n")
    load(str(path))


def test_no_width_of_programming(tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text("extends: stm32f405\nmemory: { device_feature: }\ntiming:\n  flash: 1\n")
    with pytest.raises(ProfileError, match="expected a mapping"):
        load(str(whole))
    child = tmp_path / "child.yaml"
    child.write_text("extends: whole.yaml\ntiming:\n  flash: {}\n")
    with pytest.raises(ProfileError, match="at least one width") as caught:
        load(str(child))
    assert (caught.value.file, caught.value.line, caught.value.key) == (child, 3, "timing.flash")
