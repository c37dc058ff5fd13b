"""``dfu-emulator doctor`` and ``udev-rule`` on the machine that runs the tests, whatever it has."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dfu_emulator.doctor import CHECKS, LOCAL
from end_to_end.conftest import BIN, Emulator


def test_table_and_json_tell_the_same(emulator: Emulator) -> None:
    shown, told = emulator("doctor"), emulator("doctor", "--json")
    machine = json.loads(told.stdout)
    findings = {finding["name"]: finding for finding in machine["findings"]}
    assert list(findings) == list(CHECKS)
    assert shown.stderr == told.stderr == ""
    assert shown.stdout.startswith(f"{machine['system']} {machine['release']}")
    for name, finding in findings.items():
        (row,) = (line for line in shown.stdout.splitlines() if line.startswith(f"{name} "))
        answer = {"works": "yes", "limited": "with limits", "needs": "no"}[finding["state"]]
        assert row.split(maxsplit=1)[1].startswith(answer)
        for need in finding["needs"]:
            assert need["what"] in shown.stdout
            assert need["remedy"] in shown.stdout
    works = any(findings[name]["state"] != "needs" for name in LOCAL)
    assert shown.code == told.code == (0 if works else 1)


def test_one_check_decides_the_exit_code(emulator: Emulator) -> None:
    done = emulator("doctor", "--check", "in-process", "--json")
    assert [finding["name"] for finding in json.loads(done.stdout)["findings"]] == ["in-process"]
    assert done.code == 0
    # Without a PATH there is no QEMU.
    done = emulator("doctor", "--check", "vm", environment={"PATH": str(BIN)})
    assert done.code == 1
    assert "\nvm: " in done.stdout


def test_a_check_that_there_is_not(emulator: Emulator) -> None:
    done = emulator("doctor", "--check", "usb")
    assert done.code == 2
    assert "invalid choice: 'usb'" in done.stderr


@pytest.mark.parametrize(
    ("flags", "grants"), [((), 'TAG+="uaccess"'), (("--everyone",), 'MODE="0666"')], ids=["seat", "everyone"]
)
def test_udev_rule(emulator: Emulator, flags: tuple[str, ...], grants: str) -> None:
    done = emulator("udev-rule", *flags)
    *comments, rule = done.stdout.splitlines()
    assert (done.code, done.stderr) == (0, "")
    assert all(comment.startswith("# ") for comment in comments)
    assert rule == f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="0483", ATTR{{idProduct}}=="df11", {grants}'
    # The comment that says how to install the file makes the very same file.
    command = comments[-1].removeprefix("# ").split(" | ")[0].split()
    assert emulator(*command[1:]).stdout == done.stdout


@pytest.mark.parametrize("flags", [(), ("--everyone",)], ids=["seat", "everyone"])
def test_udev_takes_the_rule(emulator: Emulator, tmp_path: Path, flags: tuple[str, ...]) -> None:
    if shutil.which("udevadm") is None:
        pytest.skip("there is no udevadm")
    file = tmp_path / "70-stm32-dfu.rules"
    file.write_text(emulator("udev-rule", *flags).stdout)
    done = subprocess.run(["udevadm", "verify", str(file)], capture_output=True, text=True, check=False)
    if "Unknown command verb" in done.stderr:
        pytest.skip("udevadm is older than 254 and cannot verify rules")
    assert done.returncode == 0, done.stdout + done.stderr
