"""``dfu-emulator profiles new``: by libusb from an emulated chip, and from what real tools print of one."""

from pathlib import Path

import pytest
import yaml

from dfu_emulator.profile import load
from dfu_emulator.profile.model import SerialRule
from end_to_end.conftest import Done, Emulator

NEW = ("profiles", "new")
MINE = """\
extends: stm32g431
name: mine
usb:
  product: "DFU  in my Mode"
alternates:
  - "@Internal Flash   /0x08000000/32*04Kg"
  - "@Option Bytes   /0x1FFF7800/01*40Be"
  - "@OTP Memory   /0x1FFF7000/01*01Ke;"
memory:
  flash:
    sectors: [32*4K]
timing:
  poll_timeout: {set_address: 17}
  flash:
    x64:
      erase: {4K: {typ: 22 ms, max: 24 ms}}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


def run_on(emulator: Emulator, profile: str, *command: str) -> Done:
    return emulator("exec", "--timing", "real", "--profile", profile, "--", *command)


def test_from_a_device(emulator: Emulator, tmp_path: Path, mine: Path, dfu_util: None) -> None:
    done = run_on(emulator, str(mine), "dfu-emulator", *NEW, "--from-device", "-o", "read.yaml")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr == "dfu-emulator: wrote read.yaml, which extends stm32g431\n"
    made, was = load(str(tmp_path / "read.yaml")), load(str(mine))
    assert (made.name, made.timing.poll_timeout, made.usb) == ("read", was.timing.poll_timeout, was.usb)
    assert made.memory == was.memory
    lists = [run_on(emulator, name, "dfu-util", "-l") for name in (str(mine), "read.yaml")]
    assert [done.code for done in lists] == [0, 0]
    assert lists[0].lines("Found DFU: ") == lists[1].lines("Found DFU: ")
    assert len(lists[0].lines("Found DFU: ")) == 3


def test_a_shipped_chip_is_recognised(emulator: Emulator, tmp_path: Path) -> None:
    done = run_on(emulator, "stm32g431", "dfu-emulator", *NEW, "--from-device")
    assert (done.code, done.stderr) == (0, "")
    written = yaml.safe_load(done.stdout)
    assert written.keys() == {"extends", "name", "evidence"}
    assert written["extends"] == "stm32g431"
    assert list(tmp_path.iterdir()) == []


def test_from_what_lsusb_prints(emulator: Emulator, tmp_path: Path, mine: Path, lsusb: None) -> None:
    pipe = "lsusb -v | dfu-emulator profiles new --from-lsusb - --source 'my own board' -o read.yaml"
    done = run_on(emulator, str(mine), "sh", "-c", pipe)
    assert done.code == 0, done.output
    made, was = load(str(tmp_path / "read.yaml")), load(str(mine))
    assert (made.alternates, made.usb, made.dfu) == (was.alternates, was.usb, was.dfu)
    assert made.evidence[0].source == "my own board"


def test_from_what_dfu_util_prints(emulator: Emulator, tmp_path: Path, mine: Path, dfu_util: None) -> None:
    (tmp_path / "list.txt").write_text(run_on(emulator, str(mine), "dfu-util", "-l").stdout)
    done = emulator(*NEW, "--from-list", "list.txt", "--keep-serial", "-o", "read.yaml")
    assert done.code == 0, done.output
    made = load(str(tmp_path / "read.yaml"))
    assert made.alternates == load(str(mine)).alternates
    assert (made.usb.serial, made.usb.fixed_serial) == (SerialRule.FIXED, "325E35633334")


@pytest.fixture
def list_file(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(
        'Found DFU: [0483:df11] ver=2200, devnum=7, cfg=1, intf=0, path="1-6", alt=0, '
        'name="@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg", serial="337938943430"\n'
    )
    return path


def test_a_file_is_not_replaced_unless_forced(emulator: Emulator, tmp_path: Path, list_file: Path) -> None:
    (tmp_path / "mine.yaml").write_text("precious")
    command = (*NEW, "--from-list", list_file.name, "-o", "mine.yaml")
    done = emulator(*command)
    assert (done.code, done.stderr) == (2, "dfu-emulator: mine.yaml exists; --force replaces it\n")
    assert (tmp_path / "mine.yaml").read_text() == "precious"
    assert emulator(*command, "--force").code == 0
    assert load(str(tmp_path / "mine.yaml")).name == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", "mine.yaml"]


def test_a_new_file_has_the_permissions_of_any_other(
    emulator: Emulator, tmp_path: Path, list_file: Path
) -> None:
    assert emulator(*NEW, "--from-list", list_file.name, "-o", "mine.yaml").code == 0
    assert (tmp_path / "mine.yaml").stat().st_mode == list_file.stat().st_mode


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the arguments --from-device --from-lsusb --from-list is required"),
        (["--from-device", "--from-list", "list.txt"], "not allowed with argument"),
        (["--from-lsusb", "none.txt"], "none.txt: cannot be read: No such file or directory"),
        (["--from-lsusb", "list.txt"], "expected what 'lsusb -v -d 0483:df11' prints"),
        (["--from-list", "list.txt", "--path", "1-7"], "there are: path 1-6, serial 337938943430"),
        (["--from-list", "list.txt", "--extends", "f499"], "no profile is called 'f499'"),
        (
            ["--from-list", "list.txt", "--extends", "./f.yaml"],
            "--extends takes the name of a shipped profile",
        ),
        (["--from-list", "list.txt", "-o", "none/mine.yaml"], "mine.yaml: cannot be written: No such file"),
        (["--from-list", "list.txt", "-o", "."], ".: is no regular file"),
    ],
)
def test_what_cannot_be_done(
    emulator: Emulator, tmp_path: Path, list_file: Path, arguments: list[str], message: str
) -> None:
    done = emulator(*NEW, *arguments)
    assert done.code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]


def test_no_board(emulator: Emulator) -> None:
    done = emulator(
        "exec", "--profile", "stm32f405", "--rdp", "2", "--", "dfu-emulator", *NEW, "--from-device"
    )
    assert done.code == 2
    assert "no board in its DFU bootloader was found" in done.stderr
