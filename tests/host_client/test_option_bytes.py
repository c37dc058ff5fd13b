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


def family(profile: Profile) -> Family:
    layout = shown(profile)
    assert layout
    found = family_of(layout, parse_layout(profile.alternates[0]))
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
            found = family(profile).level(values(option_bytes))
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


def test_other_places_are_of_no_known_family() -> None:
    assert family_of(parse_layout("@Option Bytes/0x12345678/01*016 e"), None) is None
