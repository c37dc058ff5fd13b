"""``memory.flash.size``: sectors and layout string of a part that has the same flash in another size."""

import re
from collections.abc import Sequence
from typing import Any

from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.scalars import Sectors, Size
from dfu_emulator.profile.tree import Tree, merge

_SIZE: Key = ("memory", "flash", "size")
_PAGES = re.compile(r"([0-9]+)(\*[0-9]+[ BKM]?[a-g]?)")
_EVIDENCE = {
    "kind": "inferred",
    "source": "made to fit the size that was chosen; whether the ROM's string follows it is not known",
    "of": ["memory.flash.sectors", "alternates.0"],
}


def fit(tree: Tree) -> Tree:
    """``tree`` with sectors and layout string of a flash of ``memory.flash.size``, where it says that.

    Raises ProfileError.
    """
    match tree.value:
        case {"memory": {"flash": {"size": spelled, **rest}, **memory}}:
            pass
        case _:
            return tree
    try:
        size = Size.read(spelled)
    except ValueError as error:
        raise tree.error(_SIZE, str(error)) from None
    tree = Tree(tree.value | {"memory": memory | {"flash": rest}}, tree.places)
    runs_of_all: Any = rest.get("sectors", ())
    try:
        runs = [Sectors.read(run) for run in runs_of_all]
    except (TypeError, ValueError):
        return tree  # odd shapes are for the model to refuse
    counts = _counts(runs, size)
    if not size or size != sum(count * each for count, (_, each) in zip(counts, runs, strict=True)):
        raise tree.error(_SIZE, f"{size} bytes are no whole number of this chip's sectors")
    sectors = [f"{count}*{each}" for count, (_, each) in zip(counts, runs, strict=True) if count]
    change: dict[str, Any] = {"memory": {"flash": {"sectors": sectors}}, "evidence": [_EVIDENCE]}
    match tree.value.get("alternates"):
        case [str(layout), *others] if rest.get("as_in_layout", True):  # one that is wrong stays so
            change["alternates"] = [_respell(layout, counts), *others]
    keys: tuple[Key, ...] = (("memory", "flash", "sectors"), ("alternates", 0), ("evidence", 0))
    return merge(tree, Tree(change, dict.fromkeys(keys, tree.place(_SIZE))))


def _counts(runs: Sequence[Sectors], size: int) -> list[int]:
    """How many sectors of each run a flash of ``size`` bytes has; the last run may grow."""
    counts = [0] * len(runs)
    for index, (count, each) in enumerate(runs):
        fitting = size // each
        counts[index] = fitting if index == len(runs) - 1 else min(count, fitting)
        size -= counts[index] * each
        if counts[index] < count:
            break
    return counts


def _respell(layout: str, counts: Sequence[int]) -> str:
    """The layout string with other counts, each as wide as it was; runs without sectors are left out."""
    head, slash, pages = layout.rpartition("/")
    items = _PAGES.findall(pages)
    kept = [f"{count:0{len(old)}d}{rest}" for count, (old, rest) in zip(counts, items, strict=False) if count]
    return f"{head}{slash}{','.join(kept)}"
