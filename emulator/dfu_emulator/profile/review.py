"""All that is wrong with somebody's own profile, and what is odd about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dfu_emulator.profile import changes, flash_size
from dfu_emulator.profile.areas import areas
from dfu_emulator.profile.checks import contradictions
from dfu_emulator.profile.errors import Key, ProfileError
from dfu_emulator.profile.explain import faults
from dfu_emulator.profile.loader import convert
from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.shipped import available, path_of
from dfu_emulator.profile.tree import Tree, read_tree
from dfu_emulator.profile.values import Value, values
from dfu_protocol import Segment, parse_layout


@dataclass(frozen=True, slots=True)
class Review:
    """Messages, each with file, line and key. ``profile`` is there where there are no ``problems``."""

    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()
    profile: Profile | None = None


@dataclass(slots=True)
class _Messages:
    """Each once: what is wrong for one ROM often is so for the others."""

    file: Path
    found: dict[tuple[Key, str], str] = field(default_factory=dict)

    def add(self, tree: Tree, key: Key, message: str, rom_version: str | None) -> None:
        """``message`` about ``key``, at the line of the file that is checked to which it goes back."""
        if (key, message) in self.found:
            return
        file, line = tree.place(key)
        text = message if rom_version is None else f"{message} (ROM version {rom_version!r})"
        if file != self.file:
            text = f"{text}; inherited from {file}:{line}"
            line = tree.place(("extends",))[1]
        self.found[key, message] = str(ProfileError(text, self.file, line, key))

    @property
    def texts(self) -> list[str]:
        """What a user reads."""
        return list(self.found.values())


def review(file: Path) -> Review:
    """What is wrong with the profile in ``file``, with each of its ROM versions."""
    try:
        whole = read_tree(file)
    except ProfileError as error:
        return Review([str(error)])
    problems, warnings = _Messages(file), _Messages(file)
    profile: Profile | None = None
    for rom_version in (None, *_rom_versions(whole)):
        try:
            tree = whole if rom_version is None else changes.choose_rom(whole, rom_version)
            tree = flash_size.fit(tree)
        except ProfileError as error:
            return Review([*problems.texts, str(error)])
        checked = _check(tree, problems, rom_version)
        if checked is not None:
            for key, text in _oddities(checked, file):
                warnings.add(tree, key, f"warning: {text}", rom_version)
            profile = profile or checked
    return Review(problems.texts, warnings.texts, None if problems.found else profile)


def _rom_versions(tree: Tree) -> Sequence[str]:
    match tree.value.get("rom_versions"):
        case dict() as versions:
            return list(versions)
    return ()  # odd shapes are for the model to refuse


def _check(tree: Tree, problems: _Messages, rom_version: str | None) -> Profile | None:
    """The profile, if nothing is wrong with it."""
    wrong = list(faults(tree.value, Profile))
    if not wrong:
        profile = convert(tree, Profile)
        wrong = list(contradictions(profile))
        if not wrong:
            return profile
    for key, message in wrong:
        problems.add(tree, key, message, rom_version)
    return None


def _oddities(profile: Profile, file: Path) -> Iterator[tuple[Key, str]]:
    """What is no error, but may be a mistake."""
    if profile.name in available() and path_of(profile.name).resolve() != file.resolve():
        yield ("name",), f"a shipped profile is called {profile.name!r} too"
    for key in _unexplained(list(values(profile))):
        yield key, "no evidence says how this is known"
    for index, text in enumerate(profile.alternates[1:], 1):
        for run in _runs(parse_layout(text).segments):
            if mismatch := _mismatch(profile, *run):
                yield ("alternates", index), mismatch


def _unexplained(known: Sequence[Value], key: Key = ()) -> Iterator[Key]:
    """Keys without evidence; a section's where there is none for anything in it."""
    below = [value for value in known if value.key[: len(key)] == key]
    if all(value.evidence is None for value in below):
        yield key
        return
    for name in dict.fromkeys(value.key[len(key)] for value in below if len(value.key) > len(key)):
        yield from _unexplained(below, (*key, name))


def _runs(segments: Sequence[Segment]) -> list[tuple[int, int]]:
    """Start and end of what lies in one piece."""
    runs: list[tuple[int, int]] = []
    for segment in segments:
        start = segment.address
        if runs and runs[-1][1] == start:
            start, _ = runs.pop()
        runs.append((start, segment.end))
    return runs


def _mismatch(profile: Profile, start: int, end: int) -> str | None:
    """What the memory map has against a layout string that goes from ``start`` to ``end``."""
    size = end - start
    told = f"the layout string has {size} bytes at {start:#x}"
    for area in areas(profile.memory):
        if area.start == start:
            return None if area.size == size else f"{told}, memory.{area.memory} {area.size}"
    return f"{told}, where no memory begins"
