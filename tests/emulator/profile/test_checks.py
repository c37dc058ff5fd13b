"""Contradictions between values: each is told at the key to change."""

import re
from pathlib import Path

import pytest

from dfu_emulator.profile import ProfileError, load

X8 = "timing:\n  flash:\n    x8:\n"

# What follows 'extends: stm32f405'; then line, key, message.
CONTRADICTIONS = [
    ("alternates:\n  - Internal Flash", 3, "alternates.0", "a layout string begins with '@'"),
    ("alternates:\n  - '@Internal Flash'", 3, "alternates.0", "no /ADDRESS/COUNT*SIZE"),
    (f"alternates:\n  - '@X/0x0/1*1Kg'\n  - '@{'x' * 126}/0x0/1*1Kg'", 4, "alternates.1", "126 UTF-16 units"),
    (f"usb: {{ product: {'x' * 127} }}", 2, "usb.product", "126 UTF-16 units"),
    (f"usb: {{ manufacturer: {'x' * 127} }}", 2, "usb.manufacturer", "126 UTF-16 units"),
    (f"usb: {{ fixed_serial: {'x' * 127} }}", 2, "usb.fixed_serial", "126 UTF-16 units"),
    ("usb:\n  serial: fixed", 3, "usb.serial", "needs the key 'fixed_serial'"),
    ("memory:\n  ram: { reserved: 129K }", 3, "memory.ram.reserved", "larger than the RAM"),
    (
        "memory:\n  ram: { start: 0x0807FFFF }",
        3,
        "memory.ram.start",
        "0x807ffff lies inside 'flash', which ends at 0x8100000",
    ),
    ("memory:\n  flash: { start: 0xFFFFF000 }", 3, "memory.flash", "ends above the 32-bit address space"),
    (
        "memory:\n  system:\n    bootloader_id_address: 0x1FFF7800",
        4,
        "memory.system.bootloader_id_address",
        "outside",
    ),
    (
        "memory:\n  option_bytes:\n    rdp: { offset: 16 }",
        4,
        "memory.option_bytes.rdp.offset",
        "outside the 16 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    factory: ''",
        3,
        "memory.option_bytes.rdp.offset",
        "outside the 0 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    wrp: { offset: 15 }",
        4,
        "memory.option_bytes.wrp",
        "do not fit the 16 option bytes",
    ),
    (
        "memory:\n  option_bytes:\n    wrp: { offset: 9, sectors: 57 }",
        4,
        "memory.option_bytes.wrp",
        "do not fit the 16 option bytes",
    ),
    ("memory:\n  otp: { block: 0 }", 3, "memory.otp.block", "at least one byte"),
    ("memory:\n  stacks: [[8, 8]]", 3, "memory.stacks.0", "the end 0x8 does not lie above the start 0x8"),
    (
        "memory:\n  flash:\n    sectors: [32*32K]",
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
        "memory: { ram: { reserved: 128K } }",  # some ROMs use all of it
        "memory: { ram: { start: 0x08100000 } }",  # right behind the flash
        "memory: { otp: , device_feature: }",
        "memory: { system: { bootloader_id_address: 0x1FFF0000 } }",
        "memory: { system: { bootloader_id_address: 0x1FFF77FF } }",
        "memory: { option_bytes: { wrp: { offset: 8, sectors: 64 } } }",
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
