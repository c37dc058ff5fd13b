"""A YAML file with all that it extends, merged, and where each key stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfu_emulator.profile.errors import Key, ProfileError, index_of
from dfu_emulator.profile.names import advice
from dfu_emulator.profile.shipped import available, is_path, path_of
from dfu_emulator.profile.wording import describe
from dfu_emulator.profile.yaml_file import Place, read_yaml


@dataclass(frozen=True, slots=True)
class Tree:
    """``value`` is plain dicts, lists and scalars; ``places`` has the file and line of each key."""

    value: dict[str, Any]
    places: dict[Key, Place]

    def place(self, key: Key) -> Place:
        """Where ``key`` stands, or the nearest key above it that the files have."""
        while key not in self.places:
            key = key[:-1]
        return self.places[key]

    def error(self, key: Key, message: str) -> ProfileError:
        """An error at ``key``."""
        return ProfileError(message, *self.place(key), key)


def read_tree(path: Path) -> Tree:
    """Read ``path`` and what it extends. Raises ProfileError."""
    return _read(path, ())


def _read(path: Path, children: tuple[Path, ...]) -> Tree:
    tree = Tree(*read_yaml(path))
    if "extends" not in tree.value:
        return tree
    chain = (*children, path.resolve())
    base = _find_base(tree, path)
    if base in chain:
        raise tree.error(("extends",), f"{tree.value['extends']!r} extends this file again: a cycle")
    del tree.value["extends"]
    return merge(_read(base, chain), tree)


def _find_base(tree: Tree, path: Path) -> Path:
    name = tree.value["extends"]
    if not isinstance(name, str):
        raise tree.error(("extends",), f"expected a file or a shipped profile, found {describe(name)}")
    if name in available():
        return path_of(name).resolve()
    if not is_path(name):
        raise tree.error(("extends",), f"no profile is called {name!r}; {advice(name, available())}")
    base = path.parent / name
    try:
        return base.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # no such file; NUL in the name; links in a circle
        raise tree.error(("extends",), f"there is no file {str(base)!r}") from None


def merge(base: Tree, child: Tree) -> Tree:
    """``child`` over ``base``: mappings are merged, all else replaces; evidence is added up, newest first."""
    for tree in (base, child):
        evidence = tree.value.setdefault("evidence", [])
        if not isinstance(evidence, list):
            raise tree.error(("evidence",), f"expected a list, found {describe(evidence)}")
    inherited = list(_inherit_evidence(base, child.value))
    own = child.value["evidence"]
    places = {key: place for key, place in base.places.items() if key[:1] != ("evidence",)} | child.places
    for index, (_, at) in enumerate(inherited, len(own)):
        places |= {("evidence", index, *key): place for key, place in at.items()}
    value = overlay(base.value, child.value) | {"evidence": own + [entry for entry, _ in inherited]}
    return Tree(value, places)


def overlay(base: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """``child`` over ``base``, as plain values."""
    merged = dict(base)
    for key, value in child.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _inherit_evidence(base: Tree, child: dict[str, Any]) -> Iterator[tuple[Any, dict[Key, Place]]]:
    """The evidence of ``base`` for what ``child`` leaves as it was, with the places below each entry."""
    own, inherited = set(_paths(child["evidence"])), set(_paths(base.value["evidence"]))
    for index, entry in enumerate(base.value["evidence"]):
        was = ("evidence", index)
        places: dict[Key, Place] = {(): base.place(was)}
        if isinstance(entry, dict):
            places |= {(name,): base.place((*was, name)) for name in entry}
            if isinstance(of := entry.get("of"), list):
                left = [
                    (n, path)
                    for n, old in enumerate(of)
                    for path in _unchanged(old, base.value, child)
                    if path == old or not _is_told_closer(path, old, own, inherited)
                ]
                places |= {("of", n): base.place((*was, "of", old)) for n, (old, _) in enumerate(left)}
                if of and not left:
                    continue
                entry = entry | {"of": [path for _, path in left]}
        yield entry, places


def _paths(evidence: list[Any]) -> Iterator[str]:
    for entry in evidence:
        if isinstance(entry, dict) and isinstance(of := entry.get("of"), list):
            yield from (path for path in of if isinstance(path, str))


def _is_told_closer(path: str, above: str, own: set[str], inherited: set[str]) -> bool:
    """Whether other evidence counts for ``path``, which only got longer than ``above`` by being split."""

    def covers(name: str) -> bool:
        return f"{path}.".startswith(f"{name}.")

    return any(len(name) >= len(above) and covers(name) for name in own) or any(
        len(name) > len(above) and covers(name) for name in inherited
    )


def _unchanged(path: Any, base: Any, child: Any) -> Iterator[Any]:
    """``path``, or those keys below it, that ``child`` leaves as they are in ``base``, or says alike."""
    if not isinstance(path, str):
        yield path
        return
    for part in path.split("."):
        if isinstance(child, list) and isinstance(base, list):
            index = index_of(part, base)
            if index is not None and child[index : index + 1] == [base[index]]:
                yield path
            return
        if not isinstance(child, dict):
            return
        if part not in child:
            yield path
            return
        child = child[part]
        base = base.get(part) if isinstance(base, dict) else None
    yield from _unchanged_below(path, base, child)


def _unchanged_below(path: str, base: Any, child: Any) -> Iterator[str]:
    if isinstance(base, list) and isinstance(child, list):
        pairs = enumerate(zip(base, child, strict=False))
        yield from (f"{path}.{index}" for index, (old, new) in pairs if old == new)
        return
    if not (isinstance(base, dict) and isinstance(child, dict)):
        return
    for name, value in base.items():
        if name in child:
            yield from _unchanged_below(f"{path}.{name}", value, child[name])
        else:
            yield f"{path}.{name}"
