"""The example projects: what their READMEs tell to run is run, and shows what they say."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.conftest import BIN, TIME_LIMIT, Done

EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBERS_THAT_DIFFER = re.compile(r"\d+\.\d+")


def consoles(readme: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of a README, but for those that install something, and the lines that it shows of each."""
    for block in re.findall(r"^```console\n(.*?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            if "install" not in command:
                yield command, lines


def run(command: str, folder: Path) -> Done:
    """Run a command in a copy of an example."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, as a user may have it anywhere."""
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


def told() -> list[tuple[str, str, list[str]]]:
    """Example, command and lines."""
    readmes = sorted(EXAMPLES.glob("*/README.md"))
    return [(readme.parent.name, *console) for readme in readmes for console in consoles(readme)]


@pytest.mark.usefixtures("dfu_util")
@pytest.mark.parametrize(("example", "command", "lines"), told(), indirect=["example"])
def test_a_command_shows_what_the_readme_says(example: Path, command: str, lines: list[str]) -> None:
    done = run(command, example)
    shown = [NUMBERS_THAT_DIFFER.sub("", line) for line in done.stdout.splitlines()]
    position = 0
    for line in lines:
        if line != "...":
            position = shown.index(NUMBERS_THAT_DIFFER.sub("", line), position) + 1
    assert done.code == (1 if "failed" in lines[-1] else 0)
    assert done.stderr == ""


def test_all_examples_have_something_to_run() -> None:
    assert {example for example, _command, _lines in told()} == {"pyusb-flasher", "dfu-util-script"}


@pytest.mark.parametrize("example", ["pyusb-flasher"], indirect=True)
def test_the_flasher_is_a_program_too(example: Path) -> None:
    (example / "firmware.bin").write_bytes(bytes(range(256)) * 20)
    flash = f"dfu-emulator exec --profile stm32f405 -- {shlex.quote(sys.executable)}"
    assert run(f"{flash} flasher.py firmware.bin", example) == Done(0, "flashed and verified\n", "")
    assert run(f"{flash} flasher_with_bug.py firmware.bin", example) == Done(0, "flashed and verified\n", "")
    missing = run(f"{flash} flasher.py nothing.bin", example)
    assert (missing.code, missing.stdout) == (1, "")
    assert "nothing.bin" in missing.stderr
