"""Each value of a profile, and how it is known."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from dfu_emulator.profile.errors import Key, spell
from dfu_emulator.profile.evidence import evidence_for
from dfu_emulator.profile.model import Evidence, EvidenceKind, Profile

_NAMES = {"name", "family", "part", "aliases", "rom_version", "rom_versions", "evidence"}
"""They say nothing of the chip."""
_EACH_ITEM: set[Key] = {("alternates",)}
_WORST_FIRST = (None, EvidenceKind.INFERRED, EvidenceKind.DOCUMENT, EvidenceKind.HARDWARE)


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and its evidence, None where nobody gave any."""

    key: Key
    value: Any
    evidence: Evidence | None

    @property
    def kind(self) -> EvidenceKind | None:
        """How it is known."""
        return self.evidence.kind if self.evidence else None

    @property
    def path(self) -> str:
        """The key as evidence writes it, such as ``usb.product``."""
        return spell(self.key)


def values(profile: Profile) -> Iterator[Value]:
    """All values, but those that are left at their default.

    A list is one value, unless evidence speaks of what is in it. Alternates are a value each.
    """
    named = {of for entry in profile.evidence for of in entry.of}
    for key, value in _leaves((), profile, named):
        if key[0] not in _NAMES:
            yield Value(key, value, evidence_for(profile, spell(key)))


def count_kinds(known: Iterable[Value]) -> Counter[EvidenceKind | None]:
    """How many values are known in which way."""
    return Counter(value.kind for value in known)


def certainty(profile: Profile, path: str, known: Sequence[Value]) -> EvidenceKind | None:
    """How the value at ``path`` is known; of a section, how that is known which is known worst.

    ``known`` are the ``values`` of ``profile``.
    """
    kinds = {value.kind for value in known if f"{value.path}.".startswith(f"{path}.")}
    if not kinds:
        evidence = evidence_for(profile, path)
        return evidence.kind if evidence else None
    return next(kind for kind in _WORST_FIRST if kind in kinds)


def _leaves(key: Key, value: Any, named: set[str]) -> Iterator[tuple[Key, Any]]:
    items: Iterable[tuple[str | int, Any]]
    defaults: dict[str | int, Any] = {}
    if isinstance(value, Struct):
        items = [(field.name, getattr(value, field.name)) for field in fields(value)]
        defaults = {field.name: field.default for field in fields(value)}
    elif isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, tuple) and (key in _EACH_ITEM or _speaks_of_items(named, key)):
        items = enumerate(value)
    else:
        yield key, value
        return
    for name, item in items:
        below = (*key, name)
        if spell(below) in named or item != defaults.get(name, NODEFAULT):
            yield from _leaves(below, item, named)


def _speaks_of_items(named: set[str], key: Key) -> bool:
    return any(path.startswith(f"{spell(key)}.") for path in named)
