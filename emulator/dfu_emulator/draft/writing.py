"""A profile's file as a person would write it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from dfu_emulator.profile.model import Profile

_WIDTH = 110
_NO_LIMIT = 1 << 30
_VERBATIM = ("usb", "alternates")
"""Keys below which each space of a text counts: it is quoted, and stays on its line."""


class _Hex(int):
    """A number that is written with so many hexadecimal digits."""

    digits: int

    def __new__(cls, value: int, digits: int) -> "_Hex":
        number = super().__new__(cls, value)
        number.digits = digits
        return number


class _Verbatim(str):
    """A text of which each space, or a character that is none to see, counts."""

    __slots__ = ()


def write_profile(comments: Sequence[str], document: Mapping[str, Any]) -> str:
    """A YAML file: ``comments`` are its first paragraphs, ``document`` the keys in any order."""
    order = ["extends", *Profile.__struct_fields__]
    document = {name: _spelled((name,), value) for name, value in document.items()}
    names = sorted(document, key=order.index)
    lines = [name for name in names if not isinstance(document[name], dict | list)]
    sections = [name for name in names if name not in lines]
    head = "\n#\n".join(map(_comment, comments))
    scalars = "".join(_dump(name, document[name]) for name in lines)
    return "\n".join([f"{head}\n{scalars}", *(_dump(name, document[name]) for name in sections)])


def _comment(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _dump(name: str, value: Any) -> str:
    width = _NO_LIMIT if name in _VERBATIM else _WIDTH
    text: str = yaml.dump({name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return text


def _spelled(key: tuple[str, ...], value: Any) -> Any:
    """``value`` as a profile's file has it at ``key``, in types that the dumper writes so."""
    match value:
        case dict():
            return {name: _spelled((*key, name), item) for name, item in value.items()}
        case bytes():
            return value.hex(" ").upper()
        case list() | tuple():
            return [_spelled(key, item) for item in value]
        case str() if not value.isprintable() or (key[0] in _VERBATIM and " " in value):
            return _Verbatim(value)
        case int() if not isinstance(value, bool):
            digits = _digits(key[-1], value)
            return _Hex(value, digits) if digits else value
    return value


def _digits(name: str, number: int) -> int:
    """How many hexadecimal digits a number has; 0 where it is written in decimal."""
    if number > 0xFFFF:
        return 8
    if name.startswith(("bcd", "id")) or name == "device_status":
        return 4
    return 2 if name in ("bmAttributes", "commands", "bootloader_id") else 0


class _Dumper(yaml.SafeDumper):
    """Hexadecimal numbers, quotes where spaces count, and on one line what is short."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _hex(dumper: _Dumper, number: _Hex) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0x{number:0{number.digits}X}")


def _verbatim(dumper: _Dumper, text: _Verbatim) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def _list(dumper: _Dumper, items: Sequence[Any]) -> yaml.Node:
    short = not any(isinstance(item, dict | _Verbatim) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


def _mapping(dumper: _Dumper, items: Mapping[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", items, flow_style=items.keys() == {"typ", "max"})


_Dumper.add_representer(_Hex, _hex)
_Dumper.add_representer(_Verbatim, _verbatim)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _mapping)
