"""Which shipped profile a user means: by its name, a part number, or as much of one as is unambiguous."""

from pathlib import Path

from dfu_emulator.profile.errors import ProfileError
from dfu_emulator.profile.shipped import SHIPPED, available, is_path
from dfu_emulator.profile.wording import near
from dfu_emulator.profile.yaml_file import read_yaml

_BRAND = "stm32"
_LINE = len("stm32f405")
_FLASH_CODE = len("stm32f405r")
"""Where the letter for the flash size stands, after the one for the pins."""
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
    if is_path(name):
        return Path(name)
    wanted = name.lower() if name.lower().startswith(_BRAND) else _BRAND + name.lower()
    shipped = available()
    if wanted not in shipped:
        wanted = _resolve(name, wanted, {profile: _names(profile) for profile in shipped})
    return SHIPPED / f"{wanted}.yaml"


def _names(profile: str) -> list[str]:
    value, _places = read_yaml(SHIPPED / f"{profile}.yaml")
    return [profile, *(str(part).lower() for part in (value.get("part", ""), *value.get("aliases", ())))]


def _resolve(name: str, wanted: str, names: dict[str, list[str]]) -> str:
    meant = [profile for profile, parts in names.items() if any(part.startswith(wanted) for part in parts)]
    if not meant and len(wanted) > _FLASH_CODE:
        meant = _by_part_number(name, wanted, names)
    if len(meant) > 1:
        raise ProfileError(f"{name!r} may be any of these, choose one: {', '.join(meant)}")
    if meant:
        return meant[0]
    if _is_file(name):
        raise ProfileError(f"no profile is called {name!r}; if you mean the file, write {f'./{name}'!r}")
    close = near(wanted, [part for parts in names.values() for part in parts])
    advice = f"did you mean {close!r}?" if close else "'dfu-emulator profiles list' shows all"
    raise ProfileError(f"no profile is called {name!r}; {advice}")


def _by_part_number(name: str, wanted: str, names: dict[str, list[str]]) -> list[str]:
    """Profiles of the part with this number, whatever its package. ProfileError for another flash size."""
    line = {
        profile: parts
        for profile, parts in names.items()
        if any(part.startswith(wanted[:_LINE]) for part in parts)
    }
    code = wanted[_FLASH_CODE]
    fitting = [
        profile
        for profile, parts in line.items()
        if any(part[:_LINE] == wanted[:_LINE] and part[_FLASH_CODE:].startswith(code) for part in parts)
    ]
    if not fitting and line and code in _FLASH_SIZES:
        raise ProfileError(
            f"there is no profile of the {name.upper()}: "
            f"take {min(line)!r} with --set flash.size={_FLASH_SIZES[code]}"
        )
    return fitting


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a name that is too long for one
        return False
