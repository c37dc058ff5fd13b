"""YAML to a Profile. Every error names file, line and key and says what to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from dfu_emulator.profile import changes, flash_size, names
from dfu_emulator.profile.checks import contradictions
from dfu_emulator.profile.errors import ProfileError
from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.scalars import decode
from dfu_emulator.profile.spelling import plain
from dfu_emulator.profile.tree import Tree, read_tree

Model = TypeVar("Model", bound=msgspec.Struct)


def load(
    name: str, rom_version: str | None = None, settings: Sequence[str | changes.Setting] = ()
) -> Profile:
    """The profile called ``name``: a shipped one, a part number, or the path of a YAML file.

    ``rom_version`` chooses one of those that the profile has; each of ``settings`` changes one value, such as
    ``flash.size=512K``. Raises ProfileError.
    """
    tree = read_tree(names.find(name))
    if rom_version is not None:
        tree = changes.choose_rom(tree, rom_version)
    return _profile(tree, settings)


def changed(profile: Profile, settings: Sequence[str | changes.Setting]) -> Profile:
    """``profile`` with single values changed, as ``load`` does it. Raises ProfileError."""
    return _profile(Tree(plain(profile), {(): (Path(profile.name), None)}), settings)


def _profile(tree: Tree, settings: Sequence[str | changes.Setting]) -> Profile:
    tree = flash_size.fit(changes.apply_settings(tree, settings))
    profile = convert(tree, Profile)
    for contradiction in contradictions(profile):
        raise tree.error(*contradiction)
    return profile


def convert(tree: Tree, model: type[Model]) -> Model:
    """``tree`` as ``model``, a msgspec class. Raises ProfileError."""
    try:
        return msgspec.convert(tree.value, model, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise _explain(tree, model, error) from None


def _explain(tree: Tree, model: type[Model], error: msgspec.ValidationError) -> ProfileError:
    from dfu_emulator.profile.explain import faults  # only needed where something is wrong

    return tree.error(*next(faults(tree.value, model), ((), str(error))))
