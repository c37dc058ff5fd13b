"""Several chips, described in one YAML file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from dfu_emulator.emulation import ChipOptions
from dfu_emulator.profile import Profile, ProfileError, load
from dfu_emulator.profile.changes import Setting
from dfu_emulator.profile.loader import convert
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.profile.tree import Tree
from dfu_emulator.profile.yaml_file import read_yaml
from dfu_emulator.scenario import Level, load_scenario, settings_of
from dfu_emulator.scenario.model import TimingName
from dfu_emulator.serial_number import check_serial, neighbour, parse_unique_id


class _Chip(Struct, frozen=True, forbid_unknown_fields=True):
    """What a chip's entry leaves out is as the command line has it."""

    profile: str
    rom_version: str | None = None
    set: dict[str, Any] = field(default_factory=dict)
    image: str | None = None
    serial: str | None = None
    uid: str | None = None
    rdp: Annotated[int, Meta(ge=0, le=2)] | None = None
    boot0: Level | None = None
    timing: TimingName | None = None
    scenario: str | None = None
    seed: int | None = None


class _Farm(Struct, frozen=True, forbid_unknown_fields=True):
    chips: Annotated[tuple[_Chip, ...], Meta(min_length=1)]


def read_farm(
    path: Path, common: ChipOptions, rom_version: str | None = None, settings: Sequence[str] = ()
) -> list[tuple[Profile, ChipOptions]]:
    """The chips that the file at ``path`` lists; the other parameters are what an entry leaves out.

    Profiles, scenarios and images are relative to the file. Raises ProfileError.
    """
    tree = Tree(*read_yaml(path))
    farm = convert(tree, _Farm)
    images: dict[Path, int] = {}
    chips = []
    for number, chip in enumerate(farm.chips):
        rom = rom_version if chip.rom_version is None else chip.rom_version
        options = _options(tree, path.parent, number, chip, common)
        given: list[str | Setting] = [*_of_scenario(tree, number, options.scenario), *settings]
        profile = _profile(tree, path.parent, number, chip, rom, given)
        if options.image is not None:
            first = images.setdefault(options.image.resolve(), number)
            if first != number:
                raise tree.error(("chips", number, "image"), f"chips.{first} has this image too")
        chips.append((profile, options))
    return chips


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """The keys of the farm file at ``path`` that name files, and the files. Raises ProfileError."""
    for number, chip in enumerate(convert(Tree(*read_yaml(path)), _Farm).chips):
        for key, name in (("profile", chip.profile), ("image", chip.image), ("scenario", chip.scenario)):
            if name is not None and (key == "image" or is_path(name)):
                yield f"chips.{number}.{key}", path.parent / name


def _profile(
    tree: Tree,
    folder: Path,
    number: int,
    chip: _Chip,
    rom_version: str | None,
    settings: Sequence[str | Setting],
) -> Profile:
    name = _below(folder, chip.profile)
    own = (Setting(key, value, tree.place(("chips", number, "set", key))) for key, value in chip.set.items())
    try:
        return load(name, rom_version, [*settings, *own])
    except ProfileError as error:
        if error.file is None:
            raise tree.error(("chips", number, "profile"), str(error)) from None
        raise


def _of_scenario(tree: Tree, number: int, scenario: str | None) -> list[Setting]:
    try:
        return settings_of(load_scenario(scenario))
    except ProfileError as error:
        if error.file is None:
            raise tree.error(("chips", number, "scenario"), str(error)) from None
        raise


def _below(folder: Path, name: str) -> str:
    """``name`` as it is, or as a path from ``folder``."""
    return str(folder / name) if is_path(name) else name


def _options(tree: Tree, folder: Path, number: int, chip: _Chip, common: ChipOptions) -> ChipOptions:
    unique_id = neighbour(common.unique_id, number)
    if chip.uid is not None:
        try:
            unique_id = parse_unique_id(chip.uid)
        except ValueError as error:
            raise tree.error(("chips", number, "uid"), str(error)) from None
    if chip.serial is not None:
        try:
            check_serial(chip.serial)
        except ValueError as error:
            raise tree.error(("chips", number, "serial"), str(error)) from None
    if chip.seed is not None and chip.scenario is None and common.scenario is None:
        raise tree.error(("chips", number, "seed"), "goes with the key 'scenario'")
    return replace(
        common,
        image=folder / chip.image if chip.image is not None else None,
        serial=chip.serial,
        unique_id=unique_id,
        rdp=common.rdp if chip.rdp is None else chip.rdp,
        boot0=common.boot0 if chip.boot0 is None else chip.boot0 is Level.HIGH,
        timing=common.timing if chip.timing is None else chip.timing.value,
        scenario=common.scenario if chip.scenario is None else _below(folder, chip.scenario),
        seed=common.seed if chip.seed is None else chip.seed,
    )
