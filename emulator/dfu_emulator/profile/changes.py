"""What a user changes of a profile without writing a file: another ROM, single values, the flash's size."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from dfu_emulator.profile.errors import Key, ProfileError
from dfu_emulator.profile.model import Memory, Profile
from dfu_emulator.profile.scalars import Sectors, Size
from dfu_emulator.profile.tree import Tree, merge
from dfu_emulator.profile.wording import hint
from dfu_emulator.profile.yaml_file import Place

_SIZE = ("memory", "flash", "size")
_PAGES = re.compile(r"([0-9]+)(\*[0-9]+[ BKM]?[a-g]?)")


def choose_rom(tree: Tree, version: str) -> Tree:
    """``tree`` with what its ``rom_versions`` say of ``version``. Raises ProfileError."""
    versions = tree.value.get("rom_versions")
    present = tree.value.get("rom_version", "")
    if version == present:
        return tree
    if not isinstance(versions, dict) or not isinstance(versions.get(version), dict):
        known = [str(name) for name in (present, *(versions or ())) if name]
        advice = hint(version, known) if known else "only one is known"
        raise tree.error(("rom_versions",), f"there is no ROM version {version!r}; {advice}")
    prefix = ("rom_versions", version)
    places = {key[2:]: place for key, place in tree.places.items() if key[:2] == prefix}
    chosen = Tree(versions[version] | {"rom_version": version}, places)
    return merge(tree, chosen)


def apply_settings(tree: Tree, settings: Sequence[str]) -> Tree:
    """``tree`` with each ``KEY=VALUE`` in its place; a VALUE is YAML. Raises ProfileError."""
    for setting in settings:
        tree = merge(tree, _setting(tree, setting))
    return tree


def _setting(tree: Tree, setting: str) -> Tree:
    spelled, equals, text = setting.partition("=")
    parts = spelled.strip().split(".")
    place = (Path(f"--set {setting}"), None)
    if not equals or not all(parts):
        raise ProfileError("expected KEY=VALUE, like flash.size=512K", *place)
    if parts[0] in Memory.__struct_fields__ and parts[0] not in Profile.__struct_fields__:
        parts.insert(0, "memory")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ProfileError(f"{text!r} is not YAML", *place) from None
    return _nested(tree.value, parts, value, place)


def _nested(base: Any, parts: list[str], value: Any, place: Place) -> Tree:
    """What a file would have to say; an item of a list comes with all others of the list."""
    places: dict[Key, Place] = {(): place}
    levels: list[tuple[Any, str | int]] = []
    for part in parts:
        known = base if isinstance(base, list) else None
        name: str | int = int(part) if known is not None and part.isdecimal() else part
        if known is not None and not (isinstance(name, int) and name < len(known)):
            raise ProfileError(f"expected a number from 0 to {len(known) - 1}, found {part!r}", *place)
        levels.append((known, name))
        base = (
            known[name]
            if known is not None and isinstance(name, int)
            else (base or {}).get(part)
            if isinstance(base, dict) or base is None
            else None
        )
        places[tuple(name for _, name in levels)] = place
    for known, name in reversed(levels):
        if known is not None and isinstance(name, int):
            value = [*known[:name], value, *known[name + 1 :]]
        else:
            value = {name: value}
    return Tree(value, places)


def fit_flash(tree: Tree) -> Tree:
    """``tree`` with sectors and layout string of a flash of ``memory.flash.size``, where it says that.

    Raises ProfileError.
    """
    memory = tree.value.get("memory")
    flash = memory.get("flash") if isinstance(memory, dict) else None
    if not isinstance(flash, dict) or "size" not in flash:
        return tree
    place = tree.places[_SIZE]
    try:
        size = Size.read(flash.pop("size"))
        runs = [Sectors.read(run) for run in flash.get("sectors") or ()]
    except ValueError as error:
        raise tree.error(_SIZE, str(error)) from None
    counts = list(_counts(runs, size))
    if not runs or sum(count * run[1] for count, run in zip(counts, runs, strict=False)) != size:
        raise tree.error(_SIZE, f"{size} bytes are no whole number of this chip's sectors")
    change: dict[str, Any] = {
        "memory": {
            "flash": {"sectors": [f"{count}*{run[1]}" for count, run in zip(counts, runs, strict=False)]}
        },
        "evidence": [
            {
                "kind": "inferred",
                "source": "the size was chosen by hand; whether the ROM's string follows it is not known",
                "of": ["memory.flash.sectors", "alternates.0"],
            }
        ],
    }
    alternates = tree.value.get("alternates")
    if isinstance(alternates, list) and alternates and isinstance(alternates[0], str):
        change["alternates"] = [_respell(alternates[0], counts), *alternates[1:]]
    keys: list[Key] = [(), ("memory", "flash", "sectors"), ("alternates",), ("alternates", 0)]
    keys += [("evidence",), ("evidence", 0), *(("evidence", 0, name) for name in ("kind", "source", "of"))]
    keys += [("evidence", 0, "of", index) for index in range(2)]
    return merge(tree, Tree(change, dict.fromkeys(keys, place)))


def _counts(runs: Sequence[Sectors], size: int) -> Iterator[int]:
    """How many sectors of each run a flash of ``size`` bytes has; the last run grows."""
    for index, (count, each) in enumerate(runs):
        if not size:
            return
        taken = size // each if index == len(runs) - 1 else min(count, size // each)
        yield taken
        size -= taken * each


def _respell(layout: str, counts: Sequence[int]) -> str:
    """The layout string with other counts, each as wide as it was; runs without sectors are left out."""
    head, slash, pages = layout.rpartition("/")
    items = _PAGES.findall(pages)
    kept = [f"{count:0{len(old)}d}{rest}" for count, (old, rest) in zip(counts, items, strict=False) if count]
    return f"{head}{slash}{','.join(kept)}"
