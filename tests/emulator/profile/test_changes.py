"""Another ROM of the same part, and single values from the command line."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import ProfileError, evidence_for, load
from dfu_emulator.profile.changes import apply_settings, choose_rom
from dfu_emulator.profile.tree import Tree, read_tree

CHIP = """
usb: { product: NEW, vendor: 1 }
alternates: [a, b, c]
memory: { flash: { start: 1 }, ram: [[1, 2], [3, 4]], areas: [{ start: 5, factory: FF }, { start: 6 }] }
timing: { flash: { x8: { program: 1 } } }
rom_version: V9
rom_versions:
  V3:
    usb: { product: OLD }
    alternates: [x, b]
    evidence: [{ kind: document, source: note, of: [usb.product, alternates.0] }]
  V1: { usb: { vendor: 7 } }
evidence:
  - { kind: hardware, source: chip, of: [usb, alternates] }
"""


def tree_of(folder: Path, text: str = CHIP) -> Tree:
    path = folder / "chip.yaml"
    path.write_text(text)
    return read_tree(path)


def mine(folder: Path, text: str) -> str:
    """The path of a profile that says ``text`` of an STM32F405."""
    path = folder / "mine.yaml"
    path.write_text(f"extends: stm32f405\n{text}\n")
    return str(path)


class TestChooseRom:
    def test_says_only_what_is_different(self, tmp_path: Path) -> None:
        value = choose_rom(tree_of(tmp_path), "V3").value
        assert value["usb"] == {"product": "OLD", "vendor": 1}
        assert value["alternates"] == ["x", "b"]
        assert value["rom_version"] == "V3"
        assert value["memory"] == tree_of(tmp_path).value["memory"]

    def test_has_evidence_of_its_own(self, tmp_path: Path) -> None:
        evidence = choose_rom(tree_of(tmp_path), "V3").value["evidence"]
        assert [(entry["source"], entry["of"]) for entry in evidence] == [
            ("note", ["usb.product", "alternates.0"]),
            ("chip", ["usb.vendor", "alternates.1"]),
        ]

    def test_the_one_that_is_described_anyway(self, tmp_path: Path) -> None:
        tree = tree_of(tmp_path)
        assert choose_rom(tree, "V9") is tree

    def test_leaves_the_tree_as_it_was(self, tmp_path: Path) -> None:
        tree = tree_of(tmp_path)
        before = deepcopy(tree)
        choose_rom(tree, "V3")
        assert tree == before

    @pytest.mark.parametrize(
        ("version", "message"),
        [
            ("V33", "there is no ROM version 'V33'; did you mean 'V3'?"),
            ("3.1", "there is no ROM version '3.1'; there are: V9, V3, V1"),
            ("", "there is no ROM version ''; there are: V9, V3, V1"),
        ],
    )
    def test_an_unknown_one(self, tmp_path: Path, version: str, message: str) -> None:
        with pytest.raises(ProfileError) as caught:
            choose_rom(tree_of(tmp_path), version)
        assert message in str(caught.value)
        assert (caught.value.line, caught.value.key) == (7, "rom_versions")

    def test_where_only_one_is_known(self, tmp_path: Path) -> None:
        with pytest.raises(ProfileError, match="there is no ROM version 'V3'; only one is known"):
            choose_rom(tree_of(tmp_path, "a: 1\n"), "V3")

    def test_a_fault_in_it_is_told_where_it_is(self, tmp_path: Path) -> None:
        path = mine(tmp_path, "rom_versions:\n  V3:\n    usb:\n      bcdDevice: x")
        assert load(path)
        with pytest.raises(ProfileError, match="expected a whole number") as caught:
            load(path, "V3")
        assert (caught.value.file, caught.value.line) == (Path(path), 5)
        assert caught.value.key == "usb.bcdDevice"

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("rom_versions: 5", "rom_versions"),
            ("rom_versions:", "rom_versions"),
            ("rom_versions: [V3]", "rom_versions"),
            ("rom_versions: { V3: 5 }", "rom_versions.V3"),
            ("rom_versions: { V3: }", "rom_versions.V3"),
            ("rom_versions: { V3: {}, V4: [1] }", "rom_versions.V4"),
            ("rom_versions: { V3: { evidence: 5 } }", "evidence"),
            ("rom_versions: { V3: { extends: stm32f405 } }", "extends"),
        ],
    )
    def test_odd_shapes(self, tmp_path: Path, text: str, key: str) -> None:
        with pytest.raises(ProfileError) as caught:
            load(mine(tmp_path, text), "V3")
        assert (caught.value.file, caught.value.key) == (tmp_path / "mine.yaml", key)

    def test_of_a_real_chip(self) -> None:
        old = load("stm32f405", "2100")
        assert (old.usb.bcdDevice, old.rom_version) == (0x2100, "2100")
        assert old.alternates[1] == "@Option Bytes  /0x1FFFC000/01*016 g"
        assert load("stm32f405").usb.bcdDevice == 0x2200


AREA = {"start": 5, "factory": "FF"}
CHANGES = [
    # setting, key, value there
    ("usb.product=B", "usb", {"product": "B", "vendor": 1}),
    (" usb.product =B", "usb", {"product": "B", "vendor": 1}),
    ("usb.product='a=b'", "usb", {"product": "a=b", "vendor": 1}),
    ("usb.product=a=b", "usb", {"product": "a=b", "vendor": 1}),
    ("usb.product=", "usb", {"product": None, "vendor": 1}),
    ("usb={ product: B }", "usb", {"product": "B", "vendor": 1}),
    ("usb=[1, 2]", "usb", [1, 2]),
    ("usb.new.key=yes", "usb", {"product": "NEW", "vendor": 1, "new": {"key": True}}),
    ("usb.vendor.x=1", "usb", {"product": "NEW", "vendor": {"x": 1}}),
    ("alternates.1='@Z'", "alternates", ["a", "@Z", "c"]),
    ("alternates=[z]", "alternates", ["z"]),
    ("flash.start=0x10", "memory", {"flash": {"start": 16}}),  # of the memory, unless it is said
    ("memory.flash.start=0x10", "memory", {"flash": {"start": 16}}),
    ("timing.flash.x8.program=2", "timing", {"flash": {"x8": {"program": 2}}}),
    ("ram.1.0=9", "memory", {"ram": [[1, 2], [9, 4]]}),
    ("memory.areas.0.start=9", "memory", {"areas": [AREA | {"start": 9}, {"start": 6}]}),
    ("memory.areas.1={ factory: A }", "memory", {"areas": [AREA, {"start": 6, "factory": "A"}]}),
    ("part='405'", "part", "405"),
]


class TestSettings:
    @pytest.mark.parametrize(("setting", "key", "value"), CHANGES, ids=[row[0] for row in CHANGES])
    def test_one(self, tmp_path: Path, setting: str, key: str, value: Any) -> None:
        tree = tree_of(tmp_path)
        before = deepcopy(tree)
        changed = apply_settings(tree, [setting]).value
        if key == "memory":
            value = before.value["memory"] | value
        assert changed[key] == value
        others = changed.keys() - {key, "evidence"}
        assert {name: changed[name] for name in others} == {name: before.value[name] for name in others}
        assert tree == before

    def test_several_the_last_wins(self, tmp_path: Path) -> None:
        settings = ["usb.product=B", "usb.vendor=2", "usb.product=C", "alternates.0=x", "alternates.2=z"]
        value = apply_settings(tree_of(tmp_path), settings).value
        assert value["usb"] == {"product": "C", "vendor": 2}
        assert value["alternates"] == ["x", "b", "z"]

    def test_what_is_set_has_lost_its_evidence(self, tmp_path: Path) -> None:
        changed = apply_settings(tree_of(tmp_path), ["usb.product=B", "alternates.1=z"])
        (entry,) = changed.value["evidence"]
        assert entry["of"] == ["usb.vendor", "alternates.0", "alternates.2"]

    @pytest.mark.parametrize(
        "setting", ["", "=", "=x", "usb", "usb.product", ".x=1", "usb.=1", "usb..x=1", " = "]
    )
    def test_no_key_or_no_value(self, tmp_path: Path, setting: str) -> None:
        with pytest.raises(ProfileError) as caught:
            apply_settings(tree_of(tmp_path), [setting])
        assert str(caught.value) == f"--set {setting}: expected KEY=VALUE, like flash.size=512K"

    @pytest.mark.parametrize(
        "value",
        [
            "[",
            "@Flash",
            "a: b: c",
            "'",
            "{x: 1, x: 2}",
            "!!int x",
            "2020-99-99",
            "[" * 99,
            "\0",
            r'"\UFFFFFFFF"',
        ],
    )
    def test_what_is_not_yaml(self, tmp_path: Path, value: str) -> None:
        with pytest.raises(ProfileError) as caught:
            apply_settings(tree_of(tmp_path), [f"usb.product={value}"])
        assert (
            str(caught.value)
            == f"--set usb.product={value}: {value!r} is not YAML; text like this goes in quotes"
        )

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ("alternates.3=x", "expected the number of an item, 0 to 2, found '3'"),
            ("alternates.-1=x", "expected the number of an item, 0 to 2, found '-1'"),
            ("alternates.name=x", "expected the number of an item, 0 to 2, found 'name'"),
            (f"alternates.{'9' * 5000}=x", f"expected the number of an item, 0 to 2, found '{'9' * 5000}'"),
            ("alternates.²=x", "expected the number of an item, 0 to 2, found '²'"),
            ("ram.0.2=x", "expected the number of an item, 0 to 1, found '2'"),
        ],
    )
    def test_an_item_that_a_list_has_not(self, tmp_path: Path, setting: str, message: str) -> None:
        with pytest.raises(ProfileError) as caught:
            apply_settings(tree_of(tmp_path), [setting])
        assert str(caught.value) == f"--set {setting}: {message}"

    def test_an_item_of_an_empty_list(self, tmp_path: Path) -> None:
        with pytest.raises(ProfileError, match="of which there are none, found '0'"):
            apply_settings(tree_of(tmp_path), ["alternates=[]", "alternates.0=x"])

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ("usb.idVendor=x", "usb.idVendor: expected a whole number, found the text 'x'"),
            ("usb={idProduct: 1, idVendor: x}", "usb.idVendor: expected a whole number, found the text 'x'"),
            ("alternates=['@X/0x0/1*1K', 5]", "alternates.1: expected text, found the number 5"),
            ("usb.produkt=x", "usb.produkt: unknown key; did you mean 'product'?"),
            ("flsh.size=512K", "flsh: unknown key; did you mean 'flash'?"),
            ("flash.siz=512K", "memory.flash.siz: unknown key; did you mean 'size'?"),
            ("x=1", "x: unknown key; there are: name, family, part"),
            ("alternates.0=5", "alternates.0: expected text, found the number 5; text goes in quotes"),
            ("alternates.0=Flash", "alternates.0: a layout string begins with '@'"),
            ("flash.erased=0x55", "memory.flash.erased: an erased byte is 0x00 or 0xFF"),
            ("otp=5", "memory.otp: expected a mapping, found the number 5"),
            (
                "ram.0.0=0x30000000",
                "memory.ram.0: the end 0x20020000 does not lie above the start 0x30000000",
            ),
            ("evidence=5", "evidence: expected a list, found the number 5"),
            ("extends=stm32f042", "extends: unknown key"),
        ],
    )
    def test_what_is_wrong_with_a_value_names_the_setting(self, setting: str, message: str) -> None:
        with pytest.raises(ProfileError) as caught:
            load("stm32f405", settings=["usb.bcdDevice=1", setting])
        assert str(caught.value).startswith(f"--set {setting}: {message}")

    def test_they_change_the_rom_that_was_chosen(self) -> None:
        profile = load("stm32f405", "2100", ["usb.product=MINE"])
        assert (profile.usb.bcdDevice, profile.usb.product) == (0x2100, "MINE")
        assert evidence_for(profile, "usb.product") is None
        assert evidence_for(profile, "usb.manufacturer") is not None

    def test_a_profile_in_a_file(self, tmp_path: Path) -> None:
        profile = load(mine(tmp_path, "usb: { product: X }"), settings=["usb.manufacturer=Y"])
        assert (profile.usb.product, profile.usb.manufacturer) == ("X", "Y")
