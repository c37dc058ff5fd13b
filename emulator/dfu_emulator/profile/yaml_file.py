"""One YAML file as plain values, and where each key stands in it."""

from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.composer import Composer, ComposerError
from yaml.reader import Reader

from dfu_emulator.profile.errors import Key, ProfileError
from dfu_emulator.profile.wording import describe

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

Place: TypeAlias = tuple[Path, int | None]
"""File and line, from 1; no line for what does not come from a file."""

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
_MERGE_TAG = "tag:yaml.org,2002:merge"
# What PyYAML's constructors raise for text that its tag does not fit, such as !!int ''.
_MISFITS = (ValueError, LookupError, AttributeError, ArithmeticError)


class _BoundedComposer(Composer):
    """Stops at a depth at which libyaml's composer, which recurses in C, is far from the end of the stack."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth > _MAX_DEPTH:
            raise ComposerError(None, None, "this is nested too deeply", self.peek_event().start_mark)  # type: ignore[attr-defined]
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Loader(_BoundedComposer, SafeLoader):
    """Scans and parses by libyaml where it is there, composes by PyYAML's own code."""

    def __init__(self, text: str) -> None:
        SafeLoader.__init__(self, text)
        Composer.__init__(self)


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, Place]]:
    """The mapping in ``path`` as dicts, lists and scalars, and the place of each key. Raises ProfileError."""
    value, places = parse_yaml(_read_text(path), path)
    if not places:
        raise ProfileError("the file is empty; expected keys with values", path, 1)
    if not isinstance(value, dict):
        raise ProfileError(f"expected keys with values, found {describe(value)}", path, 1)
    return value, places


def parse_yaml(text: str, path: Path) -> tuple[Any, dict[Key, Place]]:
    """What ``text`` says, and the place of each key; None and no place where it says nothing.

    Raises ProfileError, which names ``path``.
    """
    if odd := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise ProfileError(f"not YAML: the character {odd[0]!r} may not stand in it", path, line)
    loader = _Loader(text)
    reader = _NodeReader(path, loader)
    try:
        node = loader.get_single_node()
        return (None if node is None else reader.read(node, ())), reader.places
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, path, text) from None
    except (ValueError, OverflowError) as error:  # PyYAML's scanner, for an escape like \UFFFFFFFF
        line = getattr(loader, "line", 0) + 1
        raise ProfileError(f"not YAML: {error}", path, line) from None
    finally:
        loader.dispose()


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ProfileError(f"cannot be read: {reason}", path) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError("not UTF-8 text", path, line) from None


def _not_yaml(error: yaml.MarkedYAMLError, path: Path, text: str) -> ProfileError:
    reason = ", ".join(filter(None, (error.context, error.problem)))
    lines = text.split("\n")
    mark = error.problem_mark
    line = min(mark.line if mark else 0, len(lines) - 1)  # libyaml counts on behind the end
    tabs = "\t" in lines[line]
    advice = "; YAML is indented by spaces, not by tabs" if tabs else ""
    return ProfileError(f"not YAML: {reason}{advice}", path, line + 1)


class _NodeReader:
    """Turns YAML nodes into plain values, keeping the line of each key."""

    def __init__(self, path: Path, loader: _Loader) -> None:
        self._path = path
        self._loader = loader
        self._values = 0
        self.places: dict[Key, Place] = {}

    def read(self, node: yaml.Node, key: Key) -> Any:
        line = node.start_mark.line + 1
        self.places.setdefault(key, (self._path, line))
        self._values += 1
        if len(key) > _MAX_DEPTH:
            raise ProfileError("an alias contains itself", self._path, line)
        if self._values > _MAX_VALUES:  # aliases of aliases grow without bound
            raise ProfileError(f"more than {_MAX_VALUES} values", self._path, line)
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*key, index)) for index, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except _MISFITS:
            kind = node.tag.rpartition(":")[2]
            raise ProfileError(f"{describe(node.value)} is no YAML {kind}", self._path, line, key) from None

    def _read_mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                raise ProfileError("a key is a name, not a list or mapping", self._path, line, key)
            if name_node.tag == _MERGE_TAG:
                raise ProfileError("merge keys (<<) are not supported; use 'extends'", self._path, line, key)
            name = name_node.value
            below = (*key, name)
            if name in mapping:
                raise ProfileError("the key stands here twice", self._path, line, below)
            self.places[below] = (self._path, line)
            mapping[name] = self.read(value_node, below)
        return mapping
