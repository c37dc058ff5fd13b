"""YAML to a Profile. Every error names file, line and key and says what to do."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dfu_emulator.profile.checks import find_contradiction
from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.scalars import decode
from dfu_emulator.profile.tree import Key, ProfileError, Tree, read_tree

_PACKAGE = Path(__file__).resolve().parent.parent
_SHIPPED = next(
    folder
    for folder in (_PACKAGE / "profiles", _PACKAGE.parent.parent / "profiles")  # wheel, checkout
    if folder.is_dir()
)

__all__ = ["ProfileError", "available", "load"]


def available() -> list[str]:
    """Names of the shipped profiles."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def load(name: str) -> Profile:
    """The profile called ``name``: a shipped one, one of its aliases, or the path of a YAML file.

    Raises ProfileError.
    """
    tree = read_tree(_find(name))
    try:
        profile = msgspec.convert(tree.value, Profile, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise _explain(tree, str(error)) from None
    if contradiction := find_contradiction(profile):
        key, message = contradiction
        raise tree.error(key, message)
    for index, evidence in enumerate(profile.evidence):
        for number, path in enumerate(evidence.of):
            if not _exists(tree.value, path):
                raise tree.error(("evidence", index, "of", number), f"the profile has no key {path!r}")
    return profile


def _find(name: str) -> Path:
    if "/" in name or name.endswith((".yaml", ".yml")):
        return Path(name)
    shipped = _SHIPPED / f"{name.lower()}.yaml"
    if shipped.is_file():
        return shipped
    names = {}
    for path in _SHIPPED.glob("*.yaml"):
        names[path.stem] = path
        names |= dict.fromkeys(read_tree(path).value.get("aliases", []), path)
    if found := names.get(name.lower()):
        return found
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(available())}"
    raise ProfileError(f"no profile is called {name!r}; {hint}")


def _exists(value: Any, path: str) -> bool:
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False
    return True


_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")


def _explain(tree: Tree, text: str) -> ProfileError:
    """Turn a message of msgspec into one with file, line and key."""
    match = _MESSAGE.fullmatch(text)
    assert match  # noqa: S101 - the pattern takes any text
    what = match["what"]
    key: Key = tuple(step[0] or int(step[1]) for step in _STEP.findall(match["path"] or ""))
    if unknown := _UNKNOWN.fullmatch(what):
        near = difflib.get_close_matches(unknown[1], _all_fields(), n=1)
        hint = f", did you mean {near[0]!r}?" if near else "; remove it"
        return tree.error((*key, unknown[1]), f"unknown key{hint}")
    if missing := _MISSING.fullmatch(what):
        return tree.error(key, f"the key {missing[1]!r} is missing")
    return tree.error(key, what[:1].lower() + what[1:])


def _all_fields() -> set[str]:
    """Every key that a profile knows, on whatever level."""
    fields: set[str] = set()
    pending = [msgspec.inspect.type_info(Profile)]
    while pending:
        kind = pending.pop()
        if isinstance(kind, msgspec.inspect.StructType):
            fields |= {field.name for field in kind.fields}
            pending += [field.type for field in kind.fields]
        elif isinstance(kind, msgspec.inspect.VarTupleType):
            pending.append(kind.item_type)
        elif isinstance(kind, msgspec.inspect.DictType):
            pending.append(kind.value_type)
        elif isinstance(kind, msgspec.inspect.UnionType):
            pending += kind.types
    return fields
