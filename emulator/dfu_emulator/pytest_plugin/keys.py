"""What a test may choose of its chip: the keys of the marker ``stm32`` and of ``make_stm32``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.profile.wording import near
from dfu_emulator.scenario import Scenario
from dfu_emulator.serial_number import UniqueId


class Keys(TypedDict, total=False):
    """Paths are relative to the folder of the test's file."""

    profile: Profile | str | Path
    """A chip's name, or the path of a YAML file."""
    rom_version: str
    settings: Sequence[str]
    """Changes of the profile, such as ``flash.size=512K``."""
    image: bytes | str | Path
    """What the flash holds from its start, or the path of a raw file of that, which is only read."""
    timing: Literal["fast", "real"]
    clock: Literal["system", "manual"]
    """With ``manual`` time stands still, but for transfers that the chip holds."""
    scenario: Scenario | str | Path
    """Faults and conditions: a Scenario, the name of one, or the path of its file."""
    seed: int
    """Decides what the scenario leaves to chance."""
    rdp: Literal[0, 1, 2]
    boot0: bool
    serial: str
    unique_id: UniqueId


_TYPES: Mapping[str, tuple[type, ...]] = {
    "profile": (str, Path, Profile),
    "rom_version": (str,),
    "settings": (list, tuple),
    "image": (bytes, str, Path),
    "scenario": (str, Path, Scenario),
    "seed": (int,),
    "clock": (str,),
    "serial": (str,),
    "unique_id": (tuple,),
}
"""Of the values that nobody looks at before they are used."""


def refusal(message: str) -> BaseException:
    """Fails the test with a sentence, and without a traceback through this plugin."""
    return pytest.fail.Exception(f"stm32: {message}", pytrace=False)


def marked(item: pytest.Item, keys: Mapping[str, Any]) -> Keys:
    """``keys``, and what they leave out by the markers of ``item``, the closest first, and the ini file."""
    merged: dict[str, Any] = {"profile": _default_profile(item.config)}
    for mark in reversed(list(item.iter_markers("stm32"))):
        if mark.args:
            raise refusal(f"the marker takes keys, such as profile=..., not {mark.args[0]!r}")
        merged |= mark.kwargs
    merged.update(keys)
    for key, value in merged.items():
        _check(key, value)
    return cast(Keys, merged)


def _default_profile(config: pytest.Config) -> str:
    """As the ini file has it; a path is relative to that."""
    name: str = config.getini("stm32_profile")
    return str(config.rootpath / name) if is_path(name) else name


def parametrized(request: pytest.FixtureRequest) -> Keys:
    """The keys where ``stm32`` is parametrized indirectly: by the name of a profile, or by a dict of keys."""
    parameter = getattr(request, "param", {})
    if not isinstance(parameter, Mapping):
        return {"profile": parameter}
    return cast(Keys, {str(key): value for key, value in parameter.items()})


def _check(key: str, value: object) -> None:
    allowed = sorted(Keys.__annotations__)
    if key not in allowed:
        close = near(key, allowed)
        meant = f"; did you mean {close!r}?" if close else "."
        raise refusal(f"there is no key {key!r}{meant} There are {', '.join(allowed)}.")
    types = _TYPES.get(key, (object,))
    if not isinstance(value, types):
        names = " or ".join(kind.__name__ for kind in types)
        raise refusal(f"{key} is {'an' if names[0] in 'aeiou' else 'a'} {names}, not {value!r}")
    if key == "settings" and not all(isinstance(item, str) for item in cast(Sequence[object], value)):
        raise refusal(f"settings are texts, such as 'flash.size=512K', not {value!r}")
