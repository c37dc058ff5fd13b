"""A YAML file with all that it extends, merged, and where each key stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Key: TypeAlias = tuple[str | int, ...]
_MAX_DEPTH = 32


class ProfileError(Exception):
    """A profile that cannot be used. ``file``, ``line`` (from 1) and ``key`` say where, if known."""

    def __init__(
        self, message: str, file: Path | None = None, line: int | None = None, key: str = ""
    ) -> None:
        self.file, self.line, self.key = file, line, key
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{key}{': ' if key else ''}{message}")


@dataclass(frozen=True, slots=True)
class Tree:
    """``value`` is plain dicts, lists and scalars; ``places`` has the file and line of each key."""

    value: dict[str, Any]
    places: dict[Key, tuple[Path, int]]

    def error(self, key: Key, message: str) -> ProfileError:
        """An error at ``key``, or at the nearest key above it that the files have."""
        place = key
        while place not in self.places:
            place = place[:-1]
        file, line = self.places[place]
        return ProfileError(message, file, line, ".".join(map(str, key)))


def read_tree(path: Path) -> Tree:
    """Read ``path`` and what it extends. Raises ProfileError."""
    return _read(path, ())


def _read(path: Path, chain: tuple[Path, ...]) -> Tree:
    tree = _parse(path)
    parent = tree.value.pop("extends", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise tree.error(("extends",), f"expected the path of a file, found {parent!r}")
    base = (path.parent / parent).resolve()
    if base in (*chain, path.resolve()):
        raise tree.error(("extends",), f"{parent} extends this file again: a cycle")
    if not base.is_file():
        raise tree.error(("extends",), f"there is no file {base}")
    return _merge(_read(base, (*chain, path.resolve())), tree)


def _merge(base: Tree, child: Tree) -> Tree:
    """``child`` over ``base``: mappings are merged, all else replaces; evidence is added up, newest first."""
    own = child.value.get("evidence", [])
    inherited = base.value.get("evidence", [])
    if not (isinstance(own, list) and isinstance(inherited, list)):
        raise child.error(("evidence",), "expected a list")
    places = {_behind(key, len(own)): place for key, place in base.places.items()} | child.places
    return Tree(_overlay(base.value, child.value) | {"evidence": own + inherited}, places)


def _behind(key: Key, count: int) -> Key:
    """Where a key of the base stands once ``count`` pieces of evidence come before its own."""
    match key:
        case ("evidence", int(index), *rest):
            return ("evidence", index + count, *rest)
    return key


def _overlay(base: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in child.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _parse(path: Path) -> Tree:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot be read: {error.strerror}", path) from None
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise ProfileError("expected a mapping of keys to values", path, 1)
        reader = _NodeReader(path, loader)
        value = reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ProfileError(f"not YAML: {error.problem}", path, mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ProfileError(f"not YAML: {error}", path) from None
    except RecursionError:
        raise ProfileError("is nested too deeply", path) from None
    finally:
        loader.dispose()
    return Tree(value, reader.places)


class _NodeReader:
    """Turns YAML nodes into plain values, keeping the line of each key."""

    def __init__(self, path: Path, loader: Any) -> None:
        self._path = path
        self._loader = loader
        self.places: dict[Key, tuple[Path, int]] = {}

    def read(self, node: yaml.Node, key: Key) -> Any:
        line = node.start_mark.line + 1
        self.places.setdefault(key, (self._path, line))
        if len(key) > _MAX_DEPTH:
            raise ProfileError("is nested too deeply, or an alias contains itself", self._path, line)
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*key, index)) for index, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _read_mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                raise ProfileError("a key is a name, not a list or mapping", self._path, line)
            name = name_node.value
            below = (*key, name)
            if name in mapping:
                raise ProfileError("the key stands here twice", self._path, line, ".".join(map(str, below)))
            self.places[below] = (self._path, line)
            mapping[name] = self.read(value_node, below)
        return mapping
