"""A scenario by name or file. Every error names file, line and key and says what to do."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace
from yaml.reader import Reader

from dfu_emulator.profile import ProfileError
from dfu_emulator.profile.changes import Setting
from dfu_emulator.profile.errors import Key
from dfu_emulator.profile.loader import convert
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.profile.tree import Tree
from dfu_emulator.profile.wording import near
from dfu_emulator.profile.yaml_file import read_yaml
from dfu_emulator.scenario.checks import contradictions
from dfu_emulator.scenario.model import Scenario

_CATALOGUE = Path(__file__).parent / "catalogue"


def shipped_scenarios() -> list[str]:
    """Names of the catalogue's scenarios."""
    return sorted(path.stem for path in _CATALOGUE.glob("*.yaml"))


def load_scenario(name: str | None) -> Scenario:
    """The scenario called ``name``: one of the catalogue, or the path of a YAML file. Raises ProfileError.

    None is the one in which nothing happens.
    """
    if name is None:
        return Scenario()
    path = Path(name) if is_path(name) else _shipped(name)
    tree = Tree(*read_yaml(path))
    _check_characters(tree, (), tree.value)
    if "name" in tree.value:
        raise tree.error(("name",), "unknown key; a scenario is called as its file is")
    tree.value["name"] = path.stem
    scenario = convert(tree, Scenario)
    for contradiction in contradictions(scenario):
        raise tree.error(*contradiction)
    return scenario


def _check_characters(tree: Tree, key: Key, value: Any) -> None:
    """Text goes to terminals: a character that may not stand in YAML may not come in by an escape."""
    match value:
        case dict():
            for name, item in value.items():
                _check_characters(tree, key, name)
                _check_characters(tree, (*key, name), item)
        case list():
            for index, item in enumerate(value):
                _check_characters(tree, (*key, index), item)
        case str() if odd := Reader.NON_PRINTABLE.search(value):
            raise tree.error(key, f"the character {odd[0]!r} may not stand in it")


def settings_of(scenario: Scenario) -> list[Setting]:
    """What it changes of a profile, for ``dfu_emulator.profile.load``."""
    place = (Path(f"scenario {scenario.name}"), None)
    return [Setting(key, value, place) for key, value in scenario.set.items()]


def without_settings(scenario: Scenario) -> Scenario:
    """The same for a profile that has been changed already."""
    return replace(scenario, set={})


def _shipped(name: str) -> Path:
    names = shipped_scenarios()
    if name in names:
        return _CATALOGUE / f"{name}.yaml"
    meant = near(name.lower(), names)
    advice = f"did you mean {meant!r}?" if meant else "'dfu-emulator scenarios list' shows all"
    if Path(name).is_file():
        advice = f"if you mean the file, write {f'./{name}'!r}"
    raise ProfileError(f"no scenario is called {name!r}; {advice}")
