"""Each value of a profile, and how it is known."""

from pathlib import Path

import pytest

from dfu_emulator.profile import Profile, available, load
from dfu_emulator.profile.model import EvidenceKind
from dfu_emulator.profile.values import certainty, count_kinds, values

HARDWARE, DOCUMENT, INFERRED = EvidenceKind.HARDWARE, EvidenceKind.DOCUMENT, EvidenceKind.INFERRED


@pytest.fixture
def mine(tmp_path: Path) -> Profile:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: stm32f405\n"
        "usb: { product: X, configuration: { bMaxPower: 60 }, lone_functional: answer }\n"
        "memory: { stacks: [[0, 4], [8, 12]], ram: [[0x20004000, 0x20008000], [0x20009000, 0x2000A000]] }\n"
        "evidence:\n"
        "- { kind: hardware, source: me, of: [memory.ram.1, bootloader.wedge_from] }\n"
        "- { kind: inferred, source: me, of: [memory.ram] }\n"
    )
    return load(str(path))


@pytest.fixture
def paths(mine: Profile) -> list[str]:
    return [value.path for value in values(mine)]


def test_sections_are_no_values(paths: list[str]) -> None:
    assert "usb.configuration.bMaxPower" in paths
    assert not {"usb", "usb.configuration"} & set(paths)


def test_names_are_no_values(paths: list[str]) -> None:
    assert {path.split(".")[0] for path in paths} == {
        "usb",
        "dfu",
        "alternates",
        "bootloader",
        "protection",
        "memory",
        "timing",
    }


def test_alternates_are_a_value_each(paths: list[str]) -> None:
    assert [path for path in paths if path.startswith("alternates")] == [
        f"alternates.{index}" for index in range(4)
    ]


def test_a_list_is_one_value_unless_evidence_speaks_of_its_items(paths: list[str]) -> None:
    assert "memory.stacks" in paths
    assert [path for path in paths if path.startswith("memory.ram")] == ["memory.ram.0", "memory.ram.1"]


def test_defaults_are_no_values_unless_evidence_speaks_of_them(paths: list[str]) -> None:
    assert "bootloader.wedge_from" in paths
    assert not {"usb.lone_functional", "memory.eeprom", "alternate_tails"} & set(paths)


def test_a_value_with_its_evidence(mine: Profile) -> None:
    by_path = {value.path: value for value in values(mine)}
    assert by_path["usb.product"].value == "X"
    assert by_path["usb.product"].kind is None
    assert by_path["memory.ram.0"].kind is INFERRED
    assert by_path["memory.ram.1"].kind is HARDWARE
    assert by_path["timing.flash.x8.erase.16K.typ"].kind is DOCUMENT


def test_counts_are_of_all_values(mine: Profile) -> None:
    kinds = count_kinds(values(mine))
    assert kinds.total() == len(list(values(mine)))
    assert kinds[None] == 3  # product, bMaxPower, stacks


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("usb.idVendor", HARDWARE),
        ("usb.bcdDevice", DOCUMENT),
        ("usb", None),  # of which the product is unknown
        ("memory.ram", INFERRED),
        ("memory.ram.1", HARDWARE),
        ("memory.otp", DOCUMENT),
        ("memory.option_bytes.wrp_bits.0", DOCUMENT),  # in a list that is one value
        ("memory.stacks.1", None),
        ("dfu.wTransferSize", HARDWARE),
    ],
)
def test_certainty_is_that_of_what_is_known_worst(
    mine: Profile, path: str, kind: EvidenceKind | None
) -> None:
    assert certainty(mine, path, list(values(mine))) is kind


@pytest.mark.parametrize("name", available())
def test_all_that_ships_is_known_somehow(name: str) -> None:
    assert [value.path for value in values(load(name)) if value.kind is None] == []
