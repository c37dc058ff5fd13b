"""What a user changes of a profile without writing a file: another ROM, single values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfu_emulator.profile.errors import Key, ProfileError, index_of
from dfu_emulator.profile.model import Memory, Profile
from dfu_emulator.profile.tree import Tree, merge, overlay
from dfu_emulator.profile.wording import hint, near
from dfu_emulator.profile.yaml_file import Place, parse_yaml


def choose_rom(tree: Tree, version: str) -> Tree:
    """``tree`` with what its ``rom_versions`` say of ``version``. Raises ProfileError."""
    present = tree.value.get("rom_version", "")
    versions = tree.value.get("rom_versions", {})
    odd = not isinstance(versions, dict) or not all(isinstance(below, dict) for below in versions.values())
    if version == present or odd:  # odd shapes are for the model to refuse
        return tree
    if version not in versions:
        known = [str(name) for name in (present, *versions) if name]
        advice = hint(version, known) if known else "only one is known"
        raise tree.error(("rom_versions",), f"there is no ROM version {version!r}; {advice}")
    prefix = ("rom_versions", version)
    places = {key[2:]: place for key, place in tree.places.items() if key[:2] == prefix}
    return merge(tree, Tree(versions[version] | {"rom_version": version}, places))


@dataclass(frozen=True, slots=True)
class Setting:
    """A new value for ``key``, such as ``memory.flash.size`` or, in short, ``flash.size``."""

    key: str
    value: Any
    place: Place
    """Where a user says so."""


def apply_settings(tree: Tree, settings: Sequence[str | Setting]) -> Tree:
    """``tree`` with each of ``settings``, a text being a ``KEY=VALUE`` with VALUE in YAML.

    Raises ProfileError.
    """
    for setting in settings:
        tree = merge(tree, _as_a_file(_parse(setting) if isinstance(setting, str) else setting, tree))
    return tree


def _parse(text: str) -> Setting:
    place: Place = (Path(f"--set {text}"), None)
    key, equals, spelled = text.partition("=")
    if not equals:
        raise ProfileError("expected KEY=VALUE, like flash.size=512K", *place)
    try:
        value, _places = parse_yaml(spelled, place[0])
    except ProfileError:
        raise ProfileError(f"{spelled!r} is not YAML; text like this goes in quotes", *place) from None
    return Setting(key.strip(), value, place)


def _as_a_file(setting: Setting, tree: Tree) -> Tree:
    """What a file that extends ``tree`` would say."""
    parts = setting.key.split(".")
    if not all(parts):
        raise ProfileError("expected KEY=VALUE, like flash.size=512K", *setting.place)
    if parts[0] not in Profile.__struct_fields__:
        if parts[0] in Memory.__struct_fields__:
            parts.insert(0, "memory")
        elif meant := near(parts[0], (*Profile.__struct_fields__, *Memory.__struct_fields__)):
            raise ProfileError(f"unknown key; did you mean {meant!r}?", *setting.place, (parts[0],))
    try:
        key, change = _nest(parts, setting.value, tree.value)
    except LookupError as error:
        raise ProfileError(str(error), *setting.place) from None
    keys = [key[:depth] for depth in range(len(key))] + [(*key, *below) for below in _keys(setting.value)]
    return Tree(change, dict.fromkeys(keys, setting.place))


def _keys(value: Any) -> Iterator[Key]:
    """The keys of all that is in ``value``, and its own."""
    yield ()
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from ((name, *below) for below in _keys(item))


def _nest(parts: Sequence[str], value: Any, base: Any) -> tuple[Key, Any]:
    """``value`` below the keys ``parts``, of which those of lists are numbers: the key, and all from its top.

    As lists replace each other, an item comes with the others that ``base`` has there. LookupError where it
    has no such item.
    """
    if not parts:
        return (), value
    part, *rest = parts
    if not isinstance(base, list):
        key, below = _nest(rest, value, base.get(part) if isinstance(base, dict) else None)
        return (part, *key), {part: below}
    index = index_of(part, base)
    if index is None:
        items = f"0 to {len(base) - 1}" if base else "of which there are none"
        raise LookupError(f"expected the number of an item, {items}, found {part!r}")
    key, item = _nest(rest, value, base[index])
    if isinstance(item, dict) and isinstance(base[index], dict):
        item = overlay(base[index], item)
    return (index, *key), [*base[:index], item, *base[index + 1 :]]
