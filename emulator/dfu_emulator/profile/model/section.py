"""What all sections of a profile have in common."""

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta, Struct

U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Milliseconds = Annotated[int, Meta(ge=0, le=0xFFFFFF)]

Range: TypeAlias = tuple[U32, U32]
"""Addresses: [first, first behind)."""


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all sections: immutable, and an unknown key is an error."""

    also: ClassVar[tuple[str, ...]] = ()
    """Keys that a file may have beside the fields: they are made into others first."""
