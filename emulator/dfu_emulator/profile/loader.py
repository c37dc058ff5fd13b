"""YAML to a Profile. Every error names file, line and key and says what to do."""

from pathlib import Path
from typing import TypeVar

import msgspec

from dfu_emulator.profile.checks import find_contradiction
from dfu_emulator.profile.errors import ProfileError
from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.scalars import decode
from dfu_emulator.profile.shipped import SHIPPED, available, is_path
from dfu_emulator.profile.tree import Tree, read_tree
from dfu_emulator.profile.wording import near

Model = TypeVar("Model", bound=msgspec.Struct)


def load(name: str) -> Profile:
    """The profile called ``name``: a shipped one, one of its aliases, or the path of a YAML file.

    Raises ProfileError.
    """
    tree = read_tree(_find(name))
    profile = convert(tree, Profile)
    if contradiction := find_contradiction(profile):
        raise tree.error(*contradiction)
    return profile


def convert(tree: Tree, model: type[Model]) -> Model:
    """``tree`` as ``model``, a msgspec class. Raises ProfileError."""
    try:
        return msgspec.convert(tree.value, model, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise _explain(tree, model, error) from None


def _find(name: str) -> Path:
    if is_path(name):
        return Path(name)
    wanted = name.lower()
    names = {shipped: SHIPPED / f"{shipped}.yaml" for shipped in available()}
    if wanted not in names:
        for path in list(names.values()):
            names |= dict.fromkeys(read_tree(path).value.get("aliases", []), path)
    if found := names.get(wanted):
        return found
    if _is_file(name):
        advice = f"if you mean the file, write {f'./{name}'!r}"
    else:
        meant = near(wanted, names)
        advice = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(sorted(names))}"
    raise ProfileError(f"no profile is called {name!r}; {advice}")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name that is too long for one
        return False


def _explain(tree: Tree, model: type[Model], error: msgspec.ValidationError) -> ProfileError:
    from dfu_emulator.profile.explain import find_fault  # only needed where something is wrong

    return tree.error(*(find_fault(tree.value, model) or ((), str(error))))
