"""``udev-rule``: the rule, and how to install it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dfu_host.cli import main
from dfu_host.errors import ExitCode


@pytest.mark.parametrize(
    ("flags", "ids", "grant"),
    [
        ([], '"0483", ATTR{idProduct}=="df11"', 'TAG+="uaccess"'),
        (["--everyone"], '"0483", ATTR{idProduct}=="df11"', 'MODE="0666"'),
        (["--device", "28E9:189"], '"28e9", ATTR{idProduct}=="0189"', 'TAG+="uaccess"'),
    ],
)
def test_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], ids: str, grant: str
) -> None:
    assert main(["udev-rule", *flags]) == ExitCode.OK
    text = capsys.readouterr().out
    _, how, rule = text.splitlines()
    assert rule == f'SUBSYSTEM=="usb", ATTR{{idVendor}}=={ids}, {grant}'
    assert " | sudo tee /etc/udev/rules.d/70-" in how
    if shutil.which("udevadm"):
        (tmp_path / "a.rules").write_text(text)
        done = subprocess.run(["udevadm", "verify", tmp_path / "a.rules"], capture_output=True, text=True)
        assert "Success: 1" in done.stdout or "Unknown command" in done.stderr


def test_first_lines_print_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["udev-rule", "--everyone", "--device", "28e9:0189"]) == ExitCode.OK
    text = capsys.readouterr().out
    command = text.splitlines()[1].removeprefix("# dfu-host ").partition(" |")[0]
    assert main(command.split()) == ExitCode.OK
    assert capsys.readouterr().out == text
