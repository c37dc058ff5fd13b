"""Every value of a shipped profile says where it comes from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import evidence_for, load
from dfu_emulator.profile.changes import choose_rom
from dfu_emulator.profile.shipped import path_of
from dfu_emulator.profile.tree import Tree, read_tree
from emulator.profile.roms import ROMS, each_rom

WITHOUT = {"name", "family", "part", "aliases", "rom_version", "rom_versions", "evidence"}
"""Names, which say nothing of the chip, and ROMs that have evidence of their own."""


def leaves(value: Any, path: str = "") -> Iterator[str]:
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        yield path
        return
    for name, below in items:
        yield from leaves(below, f"{path}.{name}" if path else str(name))


def test_leaves_are_the_values_and_not_the_sections() -> None:
    assert list(leaves({"a": {"b": 1, "c": [2, {"d": 3}]}})) == ["a.b", "a.c.0", "a.c.1.d"]


def tree_of(name: str, version: str | None) -> Tree:
    tree = read_tree(path_of(name))
    return tree if version is None else choose_rom(tree, version)


def paths(name: str, version: str | None) -> list[str]:
    """All that the files say of one ROM, but for names."""
    return [path for path in leaves(tree_of(name, version).value) if path.split(".")[0] not in WITHOUT]


@each_rom
def test_every_value_has_evidence(name: str, version: str | None) -> None:
    profile = load(name, version)
    assert len(paths(name, version)) > 50
    assert [path for path in paths(name, version) if evidence_for(profile, path) is None] == []


def test_every_entry_is_the_evidence_of_something() -> None:
    """In one shipped ROM at least: others may know better what their family is only taken to be like."""
    written, used = set(), set()
    for name, version in ROMS:
        profile, tree = load(name, version), tree_of(name, version)
        places = {id(entry): tree.places["evidence", n] for n, entry in enumerate(profile.evidence)}
        written |= set(places.values())
        used |= {places[id(evidence_for(profile, path))] for path in paths(name, version)}
    assert written - used == set()


@pytest.mark.parametrize(
    ("path", "kind", "source"),
    [
        ("usb.product", "hardware", "STM32F4DISCOVERY"),
        ("usb.configuration.bMaxPower", "hardware", "STM32F4DISCOVERY"),
        ("usb.bcdDevice", "document", "0x2100"),
        ("alternates.0", "hardware", "STM32F4DISCOVERY"),
        ("alternates.1", "inferred", "STM32CubeProgrammer"),
        ("alternates.3", "inferred", "STM32CubeProgrammer"),
        ("bootloader.block_size", "inferred", "STM32F042"),
        ("bootloader.busy", "inferred", "dfu-util"),
        ("protection.read", "inferred", "AN2662"),
        ("protection.set_address", "document", "Betaflight"),
        ("memory.option_bytes.areas.0.start", "inferred", "STM32CubeProgrammer"),
        ("memory.option_bytes.areas.0.factory", "inferred", "RM0090"),
        ("memory.system.areas", "document", "AN2606"),
        ("memory.system.bootloader_id", "document", "AN2606"),
        ("timing.poll_timeout.mass_erase", "inferred", "dfu-util"),
        ("timing.flash.x8.erase.16K.typ", "document", "DS8626"),
    ],
)
def test_evidence_of_the_f405(path: str, kind: str, source: str) -> None:
    evidence = evidence_for(load("stm32f405"), path)
    assert evidence is not None
    assert evidence.kind.value == kind
    assert source in evidence.source


class TestEvidenceFor:
    @pytest.fixture
    def mine(self, tmp_path: Path) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(
            "extends: stm32f405\n"
            "usb: { bcdDevice: 0x2100, product: X }\n"
            "evidence:\n"
            "  - { kind: inferred, source: first, of: [usb, usb.bcdDevice] }\n"
            "  - { kind: inferred, source: second, of: [usb, memory.ram.0] }\n"
        )
        return str(path)

    def source(self, name: str, path: str) -> str | None:
        evidence = evidence_for(load(name), path)
        return evidence.source if evidence else None

    def test_the_longest_path_counts(self, mine: str) -> None:
        assert self.source(mine, "usb.bcdDevice") == "first"
        assert self.source(mine, "memory.ram.0") == "second"

    def test_the_first_of_equals_counts(self, mine: str) -> None:
        assert self.source(mine, "usb.product") == "first"

    def test_what_a_change_splits_does_not_get_longer(self, mine: str) -> None:
        """The base speaks of all of usb too: that a part of it has changed makes the rest no better known."""
        assert self.source(mine, "usb.manufacturer") == "first"
        assert self.source(mine, "usb.serial") == self.source("stm32f405", "usb.serial")

    def test_a_section(self, mine: str) -> None:
        assert self.source(mine, "usb") == "first"

    def test_a_path_covers_whole_names_only(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(
            "extends: stm32f405\nalternates: ['@X/0x0/1*1K', '@X/0x0/1*1K']\n"
            "memory: { flash: { as_in_layout: false } }\n"
            "evidence: [{ kind: inferred, source: me, of: [alternates.1] }]\n"
        )
        assert self.source(str(path), "alternates.1") == "me"
        assert self.source(str(path), "alternates.0") is None

    def test_a_value_changed_without_evidence_has_none(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(
            "extends: stm32f405\nusb: { product: X }\nmemory: { ram: [[0x20003000, 0x20010000]] }\n"
        )
        assert self.source(str(path), "usb.product") is None
        assert self.source(str(path), "memory.ram.0") is None
        assert self.source(str(path), "usb.manufacturer") == self.source("stm32f405", "usb.manufacturer")

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "usb.nothing",
            "usb.product.x",
            "alternates.4",
            "alternates.x",
            "usb.",
            f"alternates.{'9' * 5000}",
        ],
        ids=lambda path: path[:20],
    )
    def test_no_such_value(self, path: str) -> None:
        profile = load("stm32f405")
        with pytest.raises(KeyError) as caught:
            evidence_for(profile, path)
        assert caught.value.args == (path,)
