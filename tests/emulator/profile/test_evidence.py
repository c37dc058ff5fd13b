"""Every value of a shipped profile says where it comes from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import available, evidence_for, load
from dfu_emulator.profile.shipped import SHIPPED
from dfu_emulator.profile.tree import read_tree

WITHOUT = {"name", "family", "part", "aliases", "evidence"}
"""Names, which say nothing of the chip."""


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


@pytest.mark.parametrize("name", available())
def test_every_value_has_evidence(name: str) -> None:
    profile = load(name)
    paths = [
        path
        for path in leaves(read_tree(SHIPPED / f"{name}.yaml").value)
        if path.split(".")[0] not in WITHOUT
    ]
    assert len(paths) > 50
    assert [path for path in paths if evidence_for(profile, path) is None] == []


@pytest.mark.parametrize("name", available())
def test_every_entry_is_the_evidence_of_something(name: str) -> None:
    profile = load(name)
    used = {id(evidence_for(profile, path)) for path in leaves(read_tree(SHIPPED / f"{name}.yaml").value)}
    assert [entry for entry in profile.evidence if id(entry) not in used] == []


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
        ("protection.read", "document", "AN2662"),
        ("protection.set_address", "document", "Betaflight"),
        ("memory.option_bytes.start", "inferred", "STM32CubeProgrammer"),
        ("memory.option_bytes.factory", "inferred", "RM0090"),
        ("memory.system.size", "document", "AN2606"),
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
            "  - { kind: inferred, source: second, of: [usb, memory.ram.size] }\n"
        )
        return str(path)

    def source(self, name: str, path: str) -> str | None:
        evidence = evidence_for(load(name), path)
        return evidence.source if evidence else None

    def test_the_longest_path_counts(self, mine: str) -> None:
        assert self.source(mine, "usb.bcdDevice") == "first"
        assert self.source(mine, "memory.ram.size") == "second"

    def test_the_first_of_equals_counts(self, mine: str) -> None:
        assert self.source(mine, "usb.product") == "first"

    def test_a_section(self, mine: str) -> None:
        assert self.source(mine, "usb") == "first"

    def test_a_path_covers_whole_names_only(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(
            "extends: stm32f405\nalternates: ['@X/0x0/1*1K', '@X/0x0/1*1K']\n"
            "evidence: [{ kind: inferred, source: me, of: [alternates.1] }]\n"
        )
        assert self.source(str(path), "alternates.1") == "me"
        assert self.source(str(path), "alternates.0") is None

    def test_a_value_changed_without_evidence_has_none(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text("extends: stm32f405\nusb: { product: X }\nmemory: { ram: { size: 64K } }\n")
        assert self.source(str(path), "usb.product") is None
        assert self.source(str(path), "memory.ram.size") is None
        assert self.source(str(path), "usb.manufacturer") == self.source("stm32f405", "usb.manufacturer")

    @pytest.mark.parametrize(
        "path", ["", "usb.nothing", "usb.product.x", "alternates.4", "alternates.x", "usb."]
    )
    def test_no_such_value(self, path: str) -> None:
        profile = load("stm32f405")
        with pytest.raises(KeyError) as caught:
            evidence_for(profile, path)
        assert caught.value.args == (path,)
