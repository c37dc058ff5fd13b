"""Which shipped profile a user means: by its name, a part number, or as much of one as is unambiguous."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dfu_emulator.profile.errors import ProfileError
from dfu_emulator.profile.shipped import available, is_path, path_of
from dfu_emulator.profile.wording import near
from dfu_emulator.profile.yaml_file import read_yaml

_BRAND = "stm32"
_PART_NUMBER = re.compile(rf"(?P<line>{_BRAND}\w{{4}})(?P<pins>[a-z])(?P<flash>[0-9a-z])")
"""stm32f405 + r + g, and whatever follows: package, temperature, how it is packed."""
_FLASH_SIZES = {
    "4": "16K",
    "6": "32K",
    "8": "64K",
    "b": "128K",
    "z": "192K",
    "c": "256K",
    "d": "384K",
    "e": "512K",
    "f": "768K",
    "g": "1M",
    "h": "1536K",
    "i": "2M",
    "j": "4M",
}


def find(name: str) -> Path:
    """The file of the profile called ``name``: a path, or what is said above. Raises ProfileError."""
    return Path(name) if is_path(name) else path_of(_resolve(name))


def advice(name: str, names: Collection[str]) -> str:
    """What to do about ``name``, which is none of ``names``."""
    written = name.lower()
    # Who leaves the brand out is not to be told a name that has nothing else in common.
    left_out = "" if written.startswith(_BRAND) else _BRAND
    short = {known.removeprefix(left_out): known for known in names}
    close = near(written, short)
    return f"did you mean {short[close]!r}?" if close else "'dfu-emulator profiles list' shows all"


def _resolve(name: str) -> str:
    wanted = name.lower() if name.lower().startswith(_BRAND) else _BRAND + name.lower()
    shipped = available()
    if wanted in shipped:
        return wanted
    names = {profile: _names(profile) for profile in shipped}
    meant = (
        [profile for profile, parts in names.items() if wanted in parts]
        or [profile for profile, parts in names.items() if name and _any_begins(parts, wanted)]
        or _with_the_same_silicon(wanted, names)
    )
    if len(meant) > 1:
        raise ProfileError(f"{name!r} may be any of these, choose one: {', '.join(meant)}")
    if meant:
        return meant[0]
    if _is_file(name):
        raise ProfileError(f"no profile is called {name!r}; if you mean the file, write {f'./{name}'!r}")
    known = [part for parts in names.values() for part in parts]
    raise ProfileError(f"no profile is called {name!r}; {advice(name, known)}")


def _names(profile: str) -> list[str]:
    """What a shipped profile is called, in lower case: its name, its part, and other parts like it."""
    value, _places = read_yaml(path_of(profile))
    return [profile, *(str(part).lower() for part in (value.get("part", ""), *value.get("aliases", ())))]


def _any_begins(parts: Collection[str], beginning: str) -> bool:
    return any(part.startswith(beginning) for part in parts)


def _with_the_same_silicon(wanted: str, names: Mapping[str, Collection[str]]) -> list[str]:
    """Profiles of parts that differ in their package alone. ProfileError for a flash of another size."""
    number = _PART_NUMBER.match(wanted)
    if not number:
        return []
    same = [
        profile
        for profile, parts in names.items()
        if any(
            part["line"] == number["line"] and part["flash"] == number["flash"]
            for part in map(_PART_NUMBER.match, parts)
            if part
        )
    ]
    line = [profile for profile, parts in names.items() if _any_begins(parts, number["line"])]
    if line and not same and (size := _FLASH_SIZES.get(number["flash"])):
        raise ProfileError(
            f"there is no profile of the {wanted.upper()}: take {line[0]!r} with --set flash.size={size}"
        )
    return same


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name that is too long for one
        return False
