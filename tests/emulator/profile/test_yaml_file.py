"""Files that are no mapping in YAML."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dfu_emulator.profile import ProfileError
from dfu_emulator.profile.yaml_file import read_yaml

Write = Callable[[bytes | str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "profile.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def failure(path: Path) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        read_yaml(path)
    assert caught.value.file == path
    return caught.value


def test_values_and_places(write: Write) -> None:
    path = write("a: 1\nb:\n  - 0x10\n  - { c: yes, '1': ~ }\n~: text\n")
    value, places = read_yaml(path)
    assert value == {"a": 1, "b": [16, {"c": True, "1": None}], "~": "text"}
    assert {key: line for key, (_, line) in places.items()} == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "1"): 4,
        ("~",): 5,
    }


def test_byte_order_mark_and_windows_line_ends(write: Write) -> None:
    value, places = read_yaml(write("\ufeffa: 1\r\nb: ä\r\n"))
    assert value == {"a": 1, "b": "ä"}
    assert places["b",][1] == 2


def test_an_alias_is_a_copy(write: Write) -> None:
    assert read_yaml(write("a: &x { n: [1] }\nb: *x\n"))[0] == {"a": {"n": [1]}, "b": {"n": [1]}}


def test_no_such_file(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in str(failure(tmp_path / "profile.yaml"))


def test_a_directory(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in str(failure(tmp_path))


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    assert "cannot be read" in str(failure(tmp_path / "a\0b.yaml"))
    assert "cannot be read" in str(failure(tmp_path / f"{'a' * 300}.yaml"))


CYCLE = "an alias contains itself"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + below] * 9)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)

BROKEN: list[tuple[bytes | str, int, str]] = [
    ("", 1, "the file is empty"),
    ("# nothing but this\n", 1, "the file is empty"),
    (b"\xef\xbb\xbf", 1, "the file is empty"),
    ("- a\n- b\n", 1, "expected keys with values, found a list"),
    ("text", 1, "expected keys with values, found the text 'text'"),
    ("5", 1, "expected keys with values, found the number 5"),
    ("~", 1, "expected keys with values, found nothing"),
    (b"a: 1\nb: \xff\n", 2, "not UTF-8 text"),
    ("a: 1\n".encode("utf-16"), 1, "not UTF-8 text"),
    (b"a: 1\nb: \x00\n", 2, "not YAML: the character '\\x00' may not stand in it"),
    (b"a: 1\n\nb: \x1b[m\n", 3, "not YAML: the character '\\x1b' may not stand in it"),
    ("a: 1\nb:\n  c: 1\na: 2\n", 4, "a: the key stands here twice"),
    ("a:\n  b: 1\n  'b': 2\n", 3, "a.b: the key stands here twice"),
    ("a: 1\nb: *nobody\n", 2, "not YAML: found undefined alias"),
    ("a: &x [*x]\n", 1, CYCLE),
    ("a: 1\nb: &x\n  c: *x\n", 2, CYCLE),
    ("a: &x 1\nb: &x 2\n", 2, "found duplicate anchor 'x'; first occurrence, second occurrence"),
    (BOMB, 1, "more than 10000 values"),
    ("a:\n " + "[" * 40 + "]" * 40, 2, "this is nested too deeply"),
    ("a: " + "[" * 200_000, 1, "this is nested too deeply"),
    ("a: " + "{b: " * 100_000, 1, "this is nested too deeply"),
    ("- " * 100_000, 1, "this is nested too deeply"),
    ("".join(f"{' ' * depth}a:\n" for depth in range(100)), 33, "this is nested too deeply"),
    ("a:\n\tb: 1\n", 2, "YAML is indented by spaces, not by tabs"),
    ("a:\n  b: 1\n\tc: 1\n", 3, "YAML is indented by spaces, not by tabs"),
    ("a: 1\n b: 2\n", 2, "not YAML: mapping values are not allowed"),
    ("a: [1, 2\nb: 3\n", 2, "not YAML"),
    ("a: 'open\nb: 3\n", 3, "not YAML"),
    (
        "a: 1\n---\nb: 2\n",
        2,
        "not YAML: expected a single document in the stream, but found another document",
    ),
    ("%YAML 9.9\n---\na: 1\n", 1, "not YAML: found incompatible YAML document"),
    ("a: 1\n? [b, c]\n: 2\n", 2, "a key is a name, not a list or mapping"),
    ("a: 1\nb: &x { c: 1 }\nd:\n  <<: *x\n", 4, "d: merge keys (<<) are not supported; use 'extends'"),
    ("a: 1\nb: !mine 2\n", 2, "not YAML: could not determine a constructor for the tag '!mine'"),
    ("a: !!python/object:os.system x\n", 1, "not YAML: could not determine a constructor"),
    ("a: 1\nb: =\n", 2, "not YAML: could not determine a constructor"),
    ("a: 1\nb: 2020-99-99\n", 2, "b: the text '2020-99-99' is no YAML timestamp"),
    ("a:\n  - !!int ''\n", 2, "a.0: the text '' is no YAML int"),
    ("a: !!bool maybe\n", 1, "a: the text 'maybe' is no YAML bool"),
    ("a: !!timestamp now\n", 1, "a: the text 'now' is no YAML timestamp"),
    ("a: !!float one\n", 1, "a: the text 'one' is no YAML float"),
    ("a: 0b_\n", 1, "a: the text '0b_' is no YAML int"),
    (f"a: 1\nb: {'9' * 5000}\n", 2, "b: the text '999"),
    ('a: 1\nb: "\\UFFFFFFFF"\n', 2, "not YAML"),
]


@pytest.mark.parametrize(("content", "line", "message"), BROKEN, ids=[repr(row[0][:30]) for row in BROKEN])
def test_a_broken_file(write: Write, content: bytes | str, line: int, message: str) -> None:
    error = failure(write(content))
    assert message in str(error)
    assert error.line == line


def test_without_libyaml(write: Write) -> None:
    """PyYAML's own parser words some faults differently, but never with anything but a ProfileError."""
    folder = write("").parent
    for index, (content, _, _) in enumerate(BROKEN):
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{index:03}.yaml").write_bytes(data)
    program = f"""
import sys
sys.modules["yaml._yaml"] = None  # as on a system without libyaml
from pathlib import Path
import yaml
from dfu_emulator.profile import ProfileError, load
from dfu_emulator.profile.yaml_file import read_yaml
assert not yaml.__with_libyaml__
load("stm32f405")
for path in sorted(Path({str(folder)!r}).glob("[0-9]*.yaml")):
    try:
        read_yaml(path)
    except ProfileError as error:
        print(path.stem, error.line)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(lines) == len(BROKEN)
    assert sum(found == line for found, (_, line, _) in zip(lines, BROKEN, strict=True)) > len(BROKEN) - 5
