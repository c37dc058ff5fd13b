"""Loading a profile, and what is said of one that is wrong: always file, line and key."""

import re
from pathlib import Path

import pytest

from dfu_emulator.profile import ProfileError, available, load


def test_available_are_the_shipped_profiles() -> None:
    assert "stm32f405" in available()
    assert available() == sorted(available())


def test_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: stm32f405\nname: mine\n")
    assert load(str(path)).name == "mine"


# Each is what follows the line 'extends: stm32f405'; then the line, the key and the message.
BROKEN = [
    # The wrong kind of value
    ("usb: { idVendor: STM }", 2, "usb.idVendor", "expected a whole number, found the text 'STM'"),
    (f"usb: {{ idVendor: {'x' * 60} }}", 2, "usb.idVendor", f"found the text '{'x' * 60}'"),
    (f"usb: {{ idVendor: {'x' * 61} }}", 2, "usb.idVendor", f"found the text '{'x' * 60}'..."),
    ("usb: { idVendor: '0x0483' }", 2, "usb.idVendor", "expected a whole number, found the text '0x0483'"),
    ("usb: { idVendor: 1.5 }", 2, "usb.idVendor", "expected a whole number, found the number 1.5"),
    ("usb: { idVendor: .nan }", 2, "usb.idVendor", "expected a whole number, found the number nan"),
    ("usb: { idVendor: -.inf }", 2, "usb.idVendor", "expected a whole number, found the number -inf"),
    ("usb: { idVendor: true }", 2, "usb.idVendor", "expected a whole number, found true"),
    ("usb: { idVendor: }", 2, "usb.idVendor", "expected a whole number, found nothing"),
    ("usb: { idVendor: [1] }", 2, "usb.idVendor", "expected a whole number, found a list"),
    (
        "usb: { idVendor: 2020-01-01 }",
        2,
        "usb.idVendor",
        "expected a whole number, found a value of type date",
    ),
    ("part: 405", 2, "part", "expected text, found the number 405; text goes in quotes"),
    ("part: no", 2, "part", "expected text, found false; text goes in quotes"),
    ("part: [F405]", 2, "part", "expected text, found a list"),
    ("part:", 2, "part", "expected text, found nothing"),
    ("usb: on", 2, "usb", "expected a mapping, found true"),
    ("usb:\n  - 1", 2, "usb", "expected a mapping, found a list"),
    ("timing:\n  flash: fast", 3, "timing.flash", "expected a mapping, found the text 'fast'"),
    ("alternates: '@Flash'", 2, "alternates", "expected a list, found the text '@Flash'"),
    ("alternates: { 0: '@Flash' }", 2, "alternates", "expected a list, found a mapping"),
    ("alternates:\n  - '@X/0x0/1*1Kg'\n  - 1", 4, "alternates.1", "expected text, found the number 1"),
    # Out of range
    (
        "usb: { idVendor: 65536 }",
        2,
        "usb.idVendor",
        "expected a whole number from 0 to 65535 (0xFFFF), found the number 65536",
    ),
    ("usb: { bMaxPacketSize0: -1 }", 2, "usb.bMaxPacketSize0", "from 0 to 255, found the number -1"),
    ("dfu: { wTransferSize: 4 }", 2, "dfu.wTransferSize", "from 8 to 4096 (0x1000), found the number 4"),
    (
        "bootloader:\n  commands: [0x00, 0x100]",
        3,
        "bootloader.commands.1",
        "from 0 to 255, found the number 256",
    ),
    (f"usb: {{ idVendor: 0x{'F' * 5000} }}", 2, "usb.idVendor", "found a huge number"),
    ("bootloader: { wedge_from: 0x100000000 }", 2, "bootloader.wedge_from", "to 4294967295 (0xFFFFFFFF)"),
    ("bootloader: { wedge_from: '' }", 2, "bootloader.wedge_from", "expected a whole number"),
    ("alternates: []", 2, "alternates", "expected a list of 1 to 16, found one of 0"),
    (
        "memory:\n  flash: { sectors: [] }",
        3,
        "memory.flash.sectors",
        "expected a list of at least 1, found one of 0",
    ),
    ("memory:\n  stacks:\n    - [0, 4, 8]", 4, "memory.stacks.0", "expected a list of 2, found one of 3"),
    (
        "memory:\n  stacks:\n    - [0, x]",
        4,
        "memory.stacks.0.1",
        "expected a whole number, found the text 'x'",
    ),
    # One of a few
    (
        "bootloader:\n  busy: blok",
        3,
        "bootloader.busy",
        "expected one of block, poll, stall, found the text 'blok'; did you mean 'block'?",
    ),
    (
        "usb: { serial: 7 }",
        2,
        "usb.serial",
        "expected one of uid-sum, uid-sum-uid2, fixed, found the number 7",
    ),
    (
        "usb: { serial: [fixed] }",
        2,
        "usb.serial",
        "expected one of uid-sum, uid-sum-uid2, fixed, found a list",
    ),
    (
        "memory:\n  otp: { lock_bytes: 1 }",
        3,
        "memory.otp.lock_bytes",
        "expected true or false, found the number 1",
    ),
    # Units
    ("timing: { connect: 250 }", 2, "timing.connect", "expected a duration like 16 us, 400 ms or 1.5 s"),
    ("timing: { connect: 250 sec }", 2, "timing.connect", "found the text '250 sec'"),
    (f"timing: {{ connect: {'9' * 400} s }}", 2, "timing.connect", "expected a duration"),
    ("memory:\n  otp: { block: 128 KB }", 3, "memory.otp.block", "expected a size like 512, 16K or 1M"),
    ("memory:\n  otp: { block: -1 }", 3, "memory.otp.block", "found the number -1"),
    ("memory:\n  otp: { block: 1G }", 3, "memory.otp.block", "found the text '1G'"),
    ("memory:\n  otp: { block: 9999999999M }", 3, "memory.otp.block", "at most 4096M"),
    ("memory:\n  flash: { size: 1G }", 3, "memory.flash.size", "expected a size like 512, 16K or 1M"),
    (
        "memory:\n  flash:\n    sectors: [4*16K, 7*16KB]",
        4,
        "memory.flash.sectors.1",
        "expected sectors like 4*16K",
    ),
    ("memory:\n  flash:\n    sectors: [0*16K]", 4, "memory.flash.sectors.0", "expected sectors like 4*16K"),
    (
        "memory:\n  option_bytes:\n    areas: [{ start: 0x1FFFC000, factory: FF A }]",
        4,
        "memory.option_bytes.areas.0.factory",
        "expected bytes in hexadecimal",
    ),
    (
        "timing:\n  flash:\n    x8:\n      program:\n        typ: 16",
        6,
        "timing.flash.x8.program.typ",
        "expected a duration like 16 us, 400 ms or 1.5 s, found the number 16",
    ),
    (
        "timing:\n  flash:\n    x8:\n      erase:\n        64K: { typ: 1 s, max: long }",
        6,
        "timing.flash.x8.erase.64K.max",
        "found the text 'long'",
    ),
    # Keys
    ("usb:\n  idVendr: 1", 3, "usb.idVendr", "unknown key; did you mean 'idVendor'?"),
    ("usbb: {}", 2, "usbb", "unknown key; did you mean 'usb'?"),
    ("1: x", 2, "1", "unknown key; there are: name, family, part"),
    (
        "usb: { configuration: { wTransferSize: 8 } }",
        2,
        "usb.configuration.wTransferSize",
        "bmAttributes, bMaxPower",
    ),
    ("timing:\n  flash:\n    x64: {}", 4, "timing.flash.x64", "the key 'program' is missing"),
    ("memory: { otp: }\nevidence:\n  - kind: inferred", 4, "evidence.0", "the key 'source' is missing"),
    ("usb:\n  extends: stm32f405", 3, "usb.extends", "unknown key"),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), BROKEN, ids=[row[0][:60] for row in BROKEN])
def test_a_value_that_does_not_fit(tmp_path: Path, text: str, line: int, key: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: stm32f405\n{text}\n")
    with pytest.raises(ProfileError, match=re.escape(message)) as caught:
        load(str(path))
    assert (caught.value.file, caught.value.line, caught.value.key) == (path, line, key)
    assert str(caught.value).startswith(f"{path}:{line}: {key}: ")


def test_a_key_that_the_parent_sets_wrongly_is_shown_in_the_parent(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent.yaml", tmp_path / "child.yaml"
    parent.write_text("extends: stm32f405\nusb:\n  idVendor: x\n")
    child.write_text("extends: parent.yaml\nusb:\n  idProduct: 1\n")
    with pytest.raises(ProfileError) as caught:
        load(str(child))
    assert (caught.value.file, caught.value.line, caught.value.key) == (parent, 3, "usb.idVendor")


def test_a_profile_that_extends_none_misses_keys(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# mine\nname: mine\n")
    with pytest.raises(ProfileError) as caught:
        load(str(path))
    assert str(caught.value) == f"{path}:2: the key 'family' is missing"
