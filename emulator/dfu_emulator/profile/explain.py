"""Why a tree is no profile, or no other model, in words for a person.

msgspec names the first fault too, but in its own words and without the names of keys of a dict.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, inspect

from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.scalars import decode
from dfu_emulator.profile.wording import describe, hint, near


def faults(tree: dict[str, Any], model: type[Struct]) -> Iterator[tuple[Key, str]]:
    """Each value that does not fit ``model``: its key, and what is expected there."""
    return _faults(inspect.type_info(model), tree, ())


def _faults(kind: inspect.Type, value: Any, key: Key) -> Iterator[tuple[Key, str]]:
    match kind:
        case inspect.StructType():
            yield from _section_faults(kind, value, key)
        case inspect.DictType():
            if not isinstance(value, dict):
                yield key, _expected("a mapping", value)
            else:
                for name, item in value.items():
                    yield from _faults(kind.value_type, item, (*key, name))
        case inspect.VarTupleType() | inspect.TupleType():
            yield from _list_faults(kind, value, key)
        case inspect.UnionType():
            if value is not None:
                for choice in kind.types:
                    if not isinstance(choice, inspect.NoneType):
                        yield from _faults(choice, value, key)
        case inspect.EnumType():
            choices = [member.value for member in kind.cls]
            if value not in choices:
                meant = near(value, choices) if isinstance(value, str) else None
                advice = f"; did you mean {meant!r}?" if meant else ""
                yield key, _expected(f"one of {', '.join(choices)}", value) + advice
        case inspect.BoolType():
            if not isinstance(value, bool):
                yield key, _expected("true or false", value)
        case inspect.IntType():
            if not isinstance(value, int) or isinstance(value, bool):
                yield key, _expected("a whole number", value)
            elif kind.ge is not None and kind.le is not None and not kind.ge <= value <= kind.le:
                yield key, _expected(f"a whole number from {kind.ge} to {_spell(kind.le)}", value)
        case inspect.StrType():
            if not isinstance(value, str):
                advice = "" if isinstance(value, list | dict | None) else "; text goes in quotes"
                yield key, _expected("text", value) + advice
        case inspect.CustomType():
            try:
                decode(kind.cls, value)
            except ValueError as error:
                yield key, str(error)


def _section_faults(kind: inspect.StructType, value: Any, key: Key) -> Iterator[tuple[Key, str]]:
    if not isinstance(value, dict):
        yield key, _expected("a mapping", value)
        return
    fields = {field.encode_name: field for field in kind.fields}
    for name in value:
        if name not in fields:
            yield (*key, name), f"unknown key; {hint(name, (*fields, *getattr(kind.cls, 'also', ())))}"
    for name, field in fields.items():
        if name in value:
            yield from _faults(field.type, value[name], (*key, name))
        elif field.required:
            yield key, f"the key {name!r} is missing"


def _list_faults(
    kind: inspect.VarTupleType | inspect.TupleType, value: Any, key: Key
) -> Iterator[tuple[Key, str]]:
    if not isinstance(value, list):
        yield key, _expected("a list", value)
        return
    most: int | None
    if isinstance(kind, inspect.TupleType):
        kinds = kind.item_types
        least = most = len(kinds)
    else:
        kinds = (kind.item_type,) * len(value)
        least, most = kind.min_length or 0, kind.max_length
    if len(value) < least or (most is not None and len(value) > most):
        wanted = (
            f"at least {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"
        )
        yield key, f"expected a list of {wanted}, found one of {len(value)}"
    for index, (item_kind, item) in enumerate(zip(kinds, value, strict=False)):
        yield from _faults(item_kind, item, (*key, index))


def _expected(what: str, value: object) -> str:
    return f"expected {what}, found {describe(value)}"


def _spell(number: int) -> str:
    return f"{number}" if number <= 0xFF else f"{number} (0x{number:X})"
