"""What option bytes mean: the host's table against the emulator's profiles, all of them."""

import random

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.memory import OptionBytes
from dfu_emulator.profile import Profile, available, load
from dfu_host.option_bytes import FAMILIES, Areas, Family, family_of
from dfu_protocol import Layout, parse_layout


def shown(profile: Profile) -> Layout | None:
    """The layout of its option bytes, where it shows any."""
    layouts = (parse_layout(text) for text in profile.alternates)
    return next((layout for layout in layouts if layout.name.startswith("Option Bytes")), None)


CHIPS = [name for name in available() if shown(load(name))]


def family(profile: Profile, areas: Areas | None = None) -> Family:
    """The family of a chip with these option bytes, by default those it comes with."""
    layout = shown(profile)
    assert layout
    factory = [area.factory for area in profile.memory.option_bytes.areas]
    found = family_of(layout, parse_layout(profile.alternates[0]), areas or factory)
    assert found
    return found


def values(option_bytes: OptionBytes) -> Areas:
    return [bytes(area.cells) for area in option_bytes.areas]


def test_each_family_is_one_of_them() -> None:
    assert {family(load(name)).name for name in CHIPS} == {known.name for known in FAMILIES}


@pytest.mark.parametrize("name", CHIPS)
def test_levels(name: str) -> None:
    profile = load(name)
    rdp = profile.memory.option_bytes.rdp
    for level in (0, 1, 2) if rdp.level2 else (0, 1):
        with emulated(profile) as port:
            option_bytes = port.device.bootloader.chip.option_bytes
            option_bytes.rdp_level = level
            areas = values(option_bytes)
            found = family(profile, areas).level(areas)
        if found.startswith("product state"):
            assert found == ("product state open", "product state unknown", "product state locked")[level]
        else:
            assert found.split(" with")[0] in (f"level {level}", f"level {level - 0.5}")


@pytest.mark.parametrize("name", CHIPS)
def test_write_protection(name: str) -> None:
    profile = load(name)
    flash = parse_layout(profile.alternates[0])
    pages = [page for segment in flash.segments for page in segment.pages()]
    generator = random.Random(name)
    with emulated(profile) as port:
        option_bytes = port.device.bootloader.chip.option_bytes
        for _ in range(20):
            for area in option_bytes.areas:
                area.cells[:] = generator.randbytes(len(area.cells))
            found = family(profile).write_protected(values(option_bytes), flash)
            locked = {address for address, _ in pages if any(s <= address < e for s, e in found)}
            expected = {address for n, (address, _) in enumerate(pages) if option_bytes.is_write_protected(n)}
            assert locked == expected


@pytest.mark.parametrize("name", CHIPS)
def test_complements(name: str) -> None:
    profile = load(name)
    factory = profile.memory.option_bytes.areas[0].factory
    changed = bytes([factory[0] ^ 0x10]) + factory[1:]
    complemented = family(profile).with_complements(factory, changed)
    assert complemented == profile.memory.option_bytes.with_complements(changed)


def test_values_that_are_not_changed_keep_their_complement() -> None:
    """Some have none, such as words that are reserved."""
    f0 = next(known for known in FAMILIES if known.complement == 1)
    before = bytes.fromhex("aa55 ffff ff00")
    assert f0.with_complements(before, bytes.fromhex("bb55 ffff ff00")) == bytes.fromhex("bb44 ffff ff00")


@pytest.mark.parametrize(
    "text",
    [
        "@Option Bytes/0x12345678/01*016 e",
        "@Option Bytes/0x1FFFC000/01*001 e",  # too small for read protection
    ],
)
def test_other_places_are_of_no_known_family(text: str) -> None:
    assert family_of(parse_layout(text), None, [bytes(16)]) is None


@pytest.mark.parametrize("known", FAMILIES, ids=lambda known: known.name)
def test_option_bytes_that_end_early(known: Family) -> None:
    """What they do not have is not known, and no failure."""
    flash = parse_layout("@Internal Flash/0x08000000/512*002Kg")
    for length in range(known.protection + 1, 0x40):
        known.write_protected([bytes(length)], flash)
        known.write_protection_unknown([bytes(length)], flash)


@pytest.mark.parametrize(
    ("chip", "key", "level"),
    [
        ("stm32f107", 0xAA, "level 1"),
        ("stm32f107", 0xCC, "level 1"),
        ("stm32f072", 0xA5, "level 1"),
        ("stm32f303cc", 0xA5, "level 1"),
        ("stm32f373", 0xCC, "level 2"),
    ],
)
def test_keys_of_the_read_protection(chip: str, key: int, level: str) -> None:
    """The F1 has another key than the F0 and F3 in the same place, and no level 2."""
    assert family(load(chip)).level([bytes([key])]) == level


def test_second_bank_of_the_h743() -> None:
    """Its write protection is behind what the layout shows."""
    flash = parse_layout(load("stm32h743").alternates[0])
    h743 = family(load("stm32h743"))
    shown = b"\xff" * 0x1C + b"\xfe" + b"\xff" * (128 - 0x1D)
    whole = shown + b"\xff" * (0x11C - 128) + b"\xf5" + b"\xff" * (308 - 0x11D)
    first, *second = (0x08000000, 0x08020000), (0x08120000, 0x08140000), (0x08160000, 0x08180000)
    assert h743.write_protected([shown], flash) == [first]
    assert h743.write_protection_unknown([shown], flash) == [(0x08100000, 0x08200000)]
    assert h743.write_protected([shown, whole], flash) == [first, *second]
    assert h743.write_protection_unknown([shown, whole], flash) == []


def test_pages_that_no_shown_range_reaches() -> None:
    """An L476 shows the option bytes of its first bank alone."""
    l476 = load("stm32l476")
    factory = [area.factory for area in l476.memory.option_bytes.areas]
    flash = parse_layout(l476.alternates[0])
    assert family(l476).write_protected(factory, flash) == []
    assert family(l476).write_protection_unknown(factory[:1], flash) == [(0x08080000, 0x08100000)]


def test_one_bank_of_the_h723() -> None:
    h723 = load("stm32h723")
    factory = [area.factory for area in h723.memory.option_bytes.areas]
    assert family(h723).write_protection_unknown(factory, parse_layout(h723.alternates[0])) == []
