"""Inheritance: what a file takes from the one it extends."""

from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.profile import ProfileError
from dfu_emulator.profile.tree import Tree, read_tree


def tree_of(folder: Path, **files: str) -> Tree:
    """The tree of the last of ``files``."""
    path = folder
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.write_text(text)
    return read_tree(path)


def failure(folder: Path, **files: str) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        tree_of(folder, **files)
    return caught.value


def test_mappings_are_merged_and_all_else_is_replaced(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        family="a: { b: { c: 1, d: 2 }, e: 3 }\nlist: [1, 2, 3]\nmapping: { x: 1 }\nscalar: 5\n",
        chip="extends: family.yaml\na: { b: { d: 20, f: 4 } }\nlist: [9]\nmapping: none\nscalar: { y: 1 }\n",
    )
    assert tree.value == {
        "a": {"b": {"c": 1, "d": 20, "f": 4}, "e": 3},
        "list": [9],
        "mapping": "none",
        "scalar": {"y": 1},
        "evidence": [],
    }


def test_three_generations(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        family="a: { x: 1, y: 1, z: 1 }\n",
        line="extends: family.yaml\na: { y: 2, z: 2 }\n",
        chip="extends: ./line.yaml\na: { z: 3 }\n",
    )
    assert tree.value["a"] == {"x": 1, "y": 2, "z": 3}
    files = {name: tree.places["a", name][0].name for name in "xyz"}
    assert files == {"x": "family.yaml", "y": "line.yaml", "z": "chip.yaml"}


def test_errors_point_to_the_file_that_sets_the_value(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, family="\na:\n  b: 1\n", chip="extends: family.yaml\na:\n  c: 2\n")
    inherited, own, missing = (tree.error(("a", name), "bad") for name in "bcd")
    assert str(inherited) == f"{tmp_path / 'family.yaml'}:3: a.b: bad"
    assert str(own) == f"{tmp_path / 'chip.yaml'}:3: a.c: bad"
    assert str(missing) == f"{tmp_path / 'chip.yaml'}:2: a.d: bad"


def test_a_shipped_profile_by_name(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, mine="extends: stm32f405\nname: mine\n")
    assert (tree.value["name"], tree.value["part"]) == ("mine", "STM32F405RG")


def test_a_path_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "chip.yaml").write_text("extends: ../family.yaml\nb: 2\n")
    (tmp_path / "family.yaml").write_text("a: 1\n")
    assert read_tree(tmp_path / "deep" / "chip.yaml").value == {"a": 1, "b": 2, "evidence": []}


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("nowhere.yaml", "there is no file"),
        ("/nowhere/at/all.yaml", "there is no file '/nowhere/at/all.yaml'"),
        ("stm32f4005", "no profile is called 'stm32f4005'; did you mean 'stm32f405'?"),
        ("f4005", "no profile is called 'f4005'; did you mean 'stm32f405'?"),
        ("esp", "no profile is called 'esp'; 'dfu-emulator profiles list' shows all"),
        ('"a\\0b.yaml"', "there is no file"),
        (f"{'a' * 300}.yaml", "there is no file"),
        ("", "expected a file or a shipped profile, found nothing"),
        ("5", "expected a file or a shipped profile, found the number 5"),
        ("[a.yaml, b.yaml]", "expected a file or a shipped profile, found a list"),
        ("{ a: b }", "expected a file or a shipped profile, found a mapping"),
        ("chip.yaml", "'chip.yaml' extends this file again: a cycle"),
        ("./chip.yaml", "a cycle"),
    ],
)
def test_extends_that_leads_nowhere(tmp_path: Path, extends: str, message: str) -> None:
    error = failure(tmp_path, chip=f"name: x\nextends: {extends}\n")
    assert message in str(error)
    assert (error.file, error.line, error.key) == (tmp_path / "chip.yaml", 2, "extends")


def test_extends_a_directory(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    error = failure(tmp_path, chip="extends: folder.yaml\n")
    assert str(error) == f"{tmp_path / 'folder.yaml'}: cannot be read: Is a directory"


def test_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert "there is no file" in str(failure(tmp_path, chip="extends: a.yaml\n"))


def test_a_longer_cycle(tmp_path: Path) -> None:
    error = failure(tmp_path, b="extends: c.yaml\n", c="x: 1\nextends: a.yaml\n", a="extends: b.yaml\n")
    assert "'a.yaml' extends this file again: a cycle" in str(error)
    assert (error.file, error.line) == (tmp_path / "c.yaml", 2)


def test_a_fault_in_the_parent(tmp_path: Path) -> None:
    error = failure(tmp_path, family="a: 1\na: 2\n", chip="extends: family.yaml\n")
    assert (error.file, error.line, error.key) == (tmp_path / "family.yaml", 2, "a")


class TestEvidence:
    """A file's evidence speaks of what the file says, not of what one that extends it says instead."""

    FAMILY = """
usb: { vendor: 1, product: 2, configuration: { power: 3, attributes: 4 } }
alternates: [a, b, c]
evidence:
  - kind: hardware
    of: [usb]
  - kind: document
    of:
      - alternates.0
      - alternates.2
      - usb.product
"""

    def evidence(self, folder: Path, chip: str) -> list[Any]:
        tree = tree_of(folder, family=self.FAMILY, chip=f"extends: family.yaml\n{chip}\n")
        evidence: list[Any] = tree.value["evidence"]
        return evidence

    def test_own_comes_first(self, tmp_path: Path) -> None:
        evidence = self.evidence(tmp_path, "evidence: [{ kind: inferred, of: [usb.vendor] }]")
        assert [entry["kind"] for entry in evidence] == ["inferred", "hardware", "document"]

    def test_stays_for_what_is_left(self, tmp_path: Path) -> None:
        evidence = self.evidence(tmp_path, "other: 1")
        assert [entry["of"] for entry in evidence] == [
            ["usb"],
            ["alternates.0", "alternates.2", "usb.product"],
        ]

    def test_goes_with_a_replaced_value(self, tmp_path: Path) -> None:
        evidence = self.evidence(
            tmp_path, "usb: { product: 20, configuration: { power: 30 } }\nalternates: [x]"
        )
        assert evidence == [{"kind": "hardware", "of": ["usb.vendor", "usb.configuration.attributes"]}]

    @pytest.mark.parametrize(
        ("alternates", "left"),
        [
            ("[a, x, c, d]", ["alternates.0", "alternates.2"]),
            ("[a, b, c]", ["alternates.0", "alternates.2"]),
            ("[a]", ["alternates.0"]),
            ("[x, a, c]", ["alternates.2"]),
            ("[]", []),
        ],
    )
    def test_stays_for_items_that_are_said_again(
        self, tmp_path: Path, alternates: str, left: list[str]
    ) -> None:
        evidence = self.evidence(tmp_path, f"alternates: {alternates}")
        assert evidence[1]["of"] == [*left, "usb.product"]

    @pytest.mark.parametrize(
        ("again", "left"),
        [
            ("[[1, 2], [9, 9], [5, 6]]", ["ram.0", "ram.2"]),
            ("[[1, 2]]", ["ram.0"]),
            ("[[9, 9]]", None),
            ("none", None),
        ],
    )
    def test_of_a_list_stays_for_its_items(self, tmp_path: Path, again: str, left: list[str] | None) -> None:
        family = "ram: [[1, 2], [3, 4], [5, 6]]\nevidence: [{ of: [ram] }]\n"
        tree = tree_of(tmp_path, family=family, chip=f"extends: family.yaml\nram: {again}\n")
        assert tree.value["evidence"] == ([] if left is None else [{"of": left}])

    def test_does_not_reach_a_new_value(self, tmp_path: Path) -> None:
        evidence = self.evidence(tmp_path, "usb: { serial: 5 }")
        assert evidence[0]["of"] == ["usb.vendor", "usb.configuration"]

    def test_goes_with_a_replaced_section(self, tmp_path: Path) -> None:
        assert [entry["of"] for entry in self.evidence(tmp_path, "usb: none")] == [
            ["alternates.0", "alternates.2"]
        ]

    def test_what_is_left_of_a_section_yields_to_evidence_of_its_keys(self, tmp_path: Path) -> None:
        tree = tree_of(
            tmp_path,
            family="usb: { a: 1, b: 2, c: { d: 3, e: 4 } }\n"
            "evidence:\n- { kind: hardware, of: [usb] }\n- { kind: document, of: [usb.b, usb.c.d] }\n",
            chip="extends: family.yaml\nusb: { a: 10, c: { e: 40 } }\n",
        )
        assert tree.value["evidence"] == [{"kind": "document", "of": ["usb.b", "usb.c.d"]}]

    def test_is_found_in_its_own_file(self, tmp_path: Path) -> None:
        tree = tree_of(
            tmp_path,
            family=self.FAMILY,
            chip="extends: family.yaml\nalternates: [x]\nevidence:\n  - { kind: inferred, of: [] }\n",
        )
        assert tree.value["evidence"][2] == {"kind": "document", "of": ["usb.product"]}
        family, chip = tmp_path / "family.yaml", tmp_path / "chip.yaml"
        lines = {
            ("evidence", 0, "kind"): (chip, 4),
            ("evidence", 1, "kind"): (family, 5),
            ("evidence", 1, "of"): (family, 6),
            ("evidence", 2): (family, 7),
            ("evidence", 2, "of", 0): (family, 11),
        }
        assert {key: tree.places[key] for key in lines} == lines

    def test_third_generation(self, tmp_path: Path) -> None:
        tree = tree_of(
            tmp_path,
            family=self.FAMILY,
            line="extends: family.yaml\nusb: { vendor: 9 }\n",
            chip="extends: line.yaml\nusb: { product: 8 }\n",
        )
        assert [entry["of"] for entry in tree.value["evidence"]] == [
            ["usb.configuration"],
            ["alternates.0", "alternates.2"],
        ]
        assert tree.places["evidence", 1, "of", 1] == (tmp_path / "family.yaml", 10)

    @pytest.mark.parametrize(
        "evidence", ["[1, text, [usb]]", "[{ of: 5 }, { of: { usb: 1 } }]", "[{ of: [5, [usb], ~] }]", "[{}]"]
    )
    def test_odd_shapes_are_left_for_the_model_to_refuse(self, tmp_path: Path, evidence: str) -> None:
        family = f"usb: {{ a: 1 }}\nevidence: {evidence}\n"
        whole = tree_of(tmp_path, family=family).value["evidence"]
        assert tree_of(tmp_path, family=family, chip="extends: family.yaml\n").value["evidence"] == whole

    @pytest.mark.parametrize(("bad", "good"), [("family", "chip"), ("chip", "family")])
    def test_that_is_no_list(self, tmp_path: Path, bad: str, good: str) -> None:
        texts = {"family": "", "chip": "extends: family.yaml\n"}
        texts[bad] += "evidence: { kind: hardware }\n"
        texts[good] += "a: 1\n"
        error = failure(tmp_path, **texts)
        assert "expected a list, found a mapping" in str(error)
        assert (error.file, error.key) == (tmp_path / f"{bad}.yaml", "evidence")
