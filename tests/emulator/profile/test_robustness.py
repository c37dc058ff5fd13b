"""Whatever is done to a shipped profile: it loads, or it is a ProfileError that says where."""

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfu_emulator.profile import Profile, ProfileError, load
from dfu_emulator.profile.errors import spell
from dfu_emulator.profile.explain import faults
from dfu_emulator.profile.review import review
from dfu_emulator.profile.scalars import decode
from dfu_emulator.profile.shipped import SHIPPED
from dfu_emulator.profile.tree import read_tree

PATH = SHIPPED / "stm32f405.yaml"
TEXT = PATH.read_text().replace("families/", f"{SHIPPED}/families/")
LINES = TEXT.splitlines()
WHOLE = read_tree(PATH).value

SCRAPS = st.sampled_from(
    [
        "",
        " ",
        "  ",
        "\t",
        "\n",
        ":",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "&a ",
        "*a",
        "!x ",
        "!!int ",
        "'",
        '"',
        "|",
        ">",
        "%",
        "@",
        "`",
        "<<: ",
        "---",
        "...",
        "~",
        "null",
        ".nan",
        "-.inf",
        "true",
        "=",
        "0x",
        "1e9",
        "2020-99-99",
        "\x00",
        "\ufeff",
        "\u2028",
        "\x85",
        "é",
        "\U0001f600",
        "9" * 40,
        "K",
        "ms",
    ]
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.dates(),
    st.binary(max_size=4),
    st.sampled_from(["16K", "400 ms", "4*16K", "FF", "errTARGET", "usb", "alternates.0", "-1", "0*1K"]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [[]]),
    st.builds(lambda: {"kind": "inferred", "source": "x", "of": ["usb"]}),
)


def check(folder: Path, content: bytes) -> None:
    path = folder / "mutated.yaml"
    path.write_bytes(content)
    told = review(path)
    try:
        profile = load(str(path))
    except ProfileError as caught:
        error = caught
    else:
        assert told.problems or told.profile == profile
        return
    assert told.problems
    assert told.profile is None
    assert error.file is not None
    assert error.line is not None
    lines = error.file.read_bytes().decode(errors="replace").splitlines()
    assert error.line <= len(lines) + 1


files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@files
@given(st.data())
def test_wrong_bytes(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 30)))
        content[start:end] = data.draw(st.binary(max_size=8))
    check(tmp_path, bytes(content))


@files
@given(st.data())
def test_wrong_characters(tmp_path: Path, data: st.DataObject) -> None:
    text = TEXT
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + data.draw(SCRAPS) + text[end:]
    check(tmp_path, text.encode())


@files
@given(st.data())
def test_wrong_lines(tmp_path: Path, data: st.DataObject) -> None:
    lines = list(LINES)
    numbers = st.integers(0, len(LINES) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        number, other = data.draw(numbers), data.draw(numbers)
        match data.draw(st.sampled_from(["drop", "double", "swap", "indent", "outdent", "cut"])):
            case "drop":
                lines[number] = ""
            case "double":
                lines[number] += "\n" + LINES[other]
            case "swap":
                lines[number], lines[other] = lines[other], lines[number]
            case "indent":
                lines[number] = "  " + lines[number]
            case "outdent":
                lines[number] = lines[number].removeprefix("  ")
            case _:
                lines[number:] = [""] * (len(lines) - number)
    check(tmp_path, "\n".join(lines).encode())


def containers(value: Any) -> list[Any]:
    """``value`` and all mappings and lists below it."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if below is None:
        return []
    return [value, *(container for item in below for container in containers(item))]


def mutate(data: st.DataObject) -> dict[str, Any]:
    """The whole profile with a few values replaced, removed or added."""
    whole = deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        container = data.draw(st.sampled_from(containers(whole)))
        if isinstance(container, dict):
            key = data.draw(st.sampled_from([*container, "odd"]))
            if data.draw(st.booleans()):
                container[key] = data.draw(ODD)
            else:
                container.pop(key, None)
        elif container and data.draw(st.booleans()):
            container.pop()
        else:
            container.append(data.draw(ODD))
    return whole


@files
@given(st.data())
def test_wrong_values(tmp_path: Path, data: st.DataObject) -> None:
    check(tmp_path, yaml.safe_dump(mutate(data), allow_unicode=True).encode())


@files
@given(st.data())
def test_wrong_values_that_are_changed(tmp_path: Path, data: st.DataObject) -> None:
    """A ROM version and settings come before the model has looked at the file."""
    path = tmp_path / "mutated.yaml"
    path.write_text(yaml.safe_dump(mutate(data), allow_unicode=True))
    with suppress(ProfileError):
        load(str(path), next(iter(WHOLE["rom_versions"])), ["flash.size=512K", "alternates.1='@X/0x0/1*1Kg'"])


KEYS = sorted({spell(key) for key in read_tree(PATH).places})


@given(st.sampled_from(KEYS), st.sampled_from(["", ".0", ".1", ".x", ".size"]), ODD.map(yaml.safe_dump))
def test_wrong_settings(key: str, below: str, value: str) -> None:
    with suppress(ProfileError):
        load("stm32f405", settings=[f"{key}{below}={value}"])


@given(st.text())
def test_any_setting(setting: str) -> None:
    with suppress(ProfileError):
        load("stm32f405", settings=[setting])


@files
@given(st.data())
def test_what_msgspec_refuses_is_explained(data: st.DataObject) -> None:
    """The explanation finds a fault where the conversion fails, and only there."""
    tree = mutate(data)
    try:
        msgspec.convert(tree, Profile, dec_hook=decode)
    except msgspec.ValidationError:
        assert list(faults(tree, Profile))
    else:
        assert not list(faults(tree, Profile))
