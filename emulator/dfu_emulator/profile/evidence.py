"""Where a value of a profile comes from."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dfu_emulator.profile.errors import index_of
from dfu_emulator.profile.model import Evidence, Flash, Profile


def evidence_for(profile: Profile, path: str) -> Evidence | None:
    """What is known of the value at ``path``, e.g. ``usb.product`` or ``alternates.0``.

    None where the profile names no evidence; KeyError where it has no such value.
    """
    value_at(profile, path)
    above = {path} | {path[:end] for end, character in enumerate(path) if character == "."}
    covering = [(len(of), entry) for entry in profile.evidence for of in entry.of if of in above]
    # The first of equals: a profile's own evidence stands before that of what it extends.
    return max(covering, key=lambda found: found[0])[1] if covering else None


def value_at(profile: Profile, path: str) -> Any:
    """The value at ``path``; KeyError if there is none."""
    value: Any = profile
    for part in path.split("."):
        if isinstance(value, Struct) and part in value.__struct_fields__:
            value = getattr(value, part)
        elif isinstance(value, Flash) and part == "size":  # a key that leads to the sectors
            value = value.size
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, tuple) and (index := index_of(part, value)) is not None:
            value = value[index]
        else:
            raise KeyError(path)
    return value
