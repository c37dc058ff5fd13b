"""The files for CI services that the docs offer: their commands run, as far as that needs no such service."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from end_to_end.conftest import BIN, TIME_LIMIT

CI = Path(__file__).parents[2] / "docs" / "ci"


def github(job: str) -> list[str]:
    workflow = yaml.safe_load((CI / "github-actions.yml").read_text())
    return [step["run"] for step in workflow["jobs"][job]["steps"] if "run" in step]


def gitlab(job: str) -> list[str]:
    pipeline = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
    return [*pipeline["default"]["before_script"], *pipeline[job]["script"]]


@pytest.mark.usefixtures("dfu_util")
@pytest.mark.parametrize("commands", [github("libusb"), gitlab("libusb")])
def test_the_job_with_exec_flashes_the_chip(commands: list[str], tmp_path: Path) -> None:
    own = [command for command in commands if command.startswith(("head ", "dfu-emulator ", "cmp "))]
    assert [shlex.split(command)[0] for command in own] == ["head", "dfu-emulator", "cmp"]
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-euc", "\n".join(own)], cwd=tmp_path, env=environment, timeout=TIME_LIMIT, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("commands", [github("usb"), gitlab("usb")])
def test_the_job_with_a_virtual_machine_has_flags_that_exist(commands: list[str], tmp_path: Path) -> None:
    (command,) = (command for command in commands if command.startswith("dfu-emulator "))
    words = shlex.split(command)
    environment = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(
        [BIN / words[0], *words[1:]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "qemu-system-x86_64" in done.stderr, "it came as far as missing QEMU"
