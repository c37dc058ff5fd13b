"""``dfu-emulator exec``: exit codes, options, messages."""

import shlex
import signal
import sys
from pathlib import Path

import pytest

from end_to_end.conftest import Emulator

DETACHED = "import usb.core; print(usb.core.find(idVendor=0x0483) is None)"


@pytest.mark.parametrize(
    ("script", "code"), [("true", 0), ("exit 7", 7), ("kill -9 $$", 128 + signal.SIGKILL)]
)
def test_exit_code_is_the_commands(chip: Emulator, script: str, code: int) -> None:
    assert chip(script).code == code


def test_no_such_command(emulator: Emulator) -> None:
    done = emulator("exec", "--profile", "stm32f405", "--", "no-such-command")
    assert (done.code, done.stderr) == (127, "dfu-emulator: there is no command 'no-such-command'\n")


def test_command_that_cannot_be_executed(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    done = emulator("exec", "--profile", "stm32f405", "--", "./text")
    assert done.code == 126
    assert done.stderr == "dfu-emulator: './text' cannot be executed: Permission denied\n"


def test_script_whose_interpreter_is_missing(emulator: Emulator, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = emulator("exec", "--profile", "stm32f405", "--", "./script")
    assert done.code == 126
    assert "the interpreter that its first line names is missing" in done.stderr


def test_missing_preload_library_names_the_package(emulator: Emulator, tmp_path: Path) -> None:
    # A library of that name which is none stands in front of the real one.
    (tmp_path / "libumockdev-preload.so.0").write_bytes(b"")
    done = emulator(
        "exec", "--profile", "stm32f405", "--", "true", environment={"LD_LIBRARY_PATH": str(tmp_path)}
    )
    assert done.code == 2
    assert done.stderr.count("\n") == 1
    assert "sudo apt install umockdev" in done.stderr


def test_unknown_profile_suggests_one(emulator: Emulator) -> None:
    done = emulator("exec", "--profile", "stm32f4005", "--", "true")
    assert (done.code, done.stdout) == (2, "")
    assert "'stm32f405'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_protection_level_that_the_chip_does_not_have(emulator: Emulator) -> None:
    done = emulator("exec", "--profile", "stm32f107", "--rdp", "2", "--", "true")
    assert (done.code, done.stderr) == (2, "dfu-emulator: the stm32f107 has no read protection level 2\n")


def test_image_of_the_wrong_size_is_refused_and_kept(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"precious")
    done = chip("true")
    assert done.code == 2
    assert "flash.bin: has 8 bytes, but the flash of this chip has 1048576" in done.stderr
    assert (tmp_path / "flash.bin").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--uid", "12"], "a unique id is three words like"),
        (["--rdp", "3"], "invalid choice"),
        (["--timing", "slow"], "invalid choice"),
        (["--serial", ""], "a serial number has at least one character"),
        (["--serial", "A" * 200], "a string descriptor holds 126 UTF-16 units"),
        (["--image", ""], "the name of a file is missing"),
        (["--seed", "3"], "--seed decides what a scenario leaves to chance: name one by --scenario"),
        (["--trace-json", "-"], "dfu-emulator: --trace-json needs a file: the standard output"),
        (["--pcap", "-"], "dfu-emulator: --pcap needs a file: the standard output"),
        (["--typo"], "unrecognized arguments: --typo; put -- before the command"),
        (["--trace", "/no/such/folder/x"], "/no/such/folder/x: cannot be opened for the trace: No such file"),
    ],
)
def test_wrong_options(chip: Emulator, options: list[str], message: str) -> None:
    done = chip("true", *options)
    assert done.code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (["--trace", "flash.bin"], "--image and --trace"),
        (["--pcap", "./flash.bin"], "--image and --pcap"),
        (["--trace-json", "a", "--pcap", "a"], "--trace-json and --pcap"),
    ],
)
def test_a_trace_overwrites_no_other_file(
    chip: Emulator, tmp_path: Path, options: list[str], flags: str
) -> None:
    (tmp_path / "flash.bin").write_bytes(b"\xff" * 1048576)
    done = chip("true", *options)
    assert done.code == 2
    assert done.stderr == f"dfu-emulator: {flags} both name {options[-1]}: they need a file each\n"
    assert (tmp_path / "flash.bin").stat().st_size == 1048576


def test_two_traces_may_go_nowhere(chip: Emulator) -> None:
    assert chip("true", "--trace", "/dev/null", "--pcap", "/dev/null").code == 0


def test_rdp_level_2_has_no_device(chip: Emulator) -> None:
    done = chip(shlex.join([sys.executable, "-c", DETACHED]), "--rdp", "2")
    assert done.stdout == "True\n"
    assert "read protection level 2" in done.stderr


def test_trace_goes_to_a_file(chip: Emulator, tmp_path: Path) -> None:
    script = "import usb.core; usb.core.find(idVendor=0x0483).ctrl_transfer(0x21, 4, 0, 0, None)"
    done = chip(shlex.join([sys.executable, "-c", script]), "--trace", "trace.txt")
    assert done.code == 0
    lines = (tmp_path / "trace.txt").read_text().splitlines()
    assert lines[0].endswith("the device is on the bus")
    assert lines[-1].split(maxsplit=1)[1].split() == ["DFU_CLRSTATUS", "dfuERROR", "->", "dfuIDLE"]


def test_trace_says_why_a_request_was_stalled(chip: Emulator, tmp_path: Path) -> None:
    script = "\n".join(
        [
            "import usb.core",
            "device = usb.core.find(idVendor=0x0483)",
            "for block, length in ((2, 64), (1, 64), (2, 4096)):",
            "    device.ctrl_transfer(0x21, 4, 0, 0, None)",
            "    try: device.ctrl_transfer(0xA1, 2, block, 0, length)",
            "    except usb.core.USBError: pass",
            "device.reset()",
        ]
    )
    (tmp_path / "script.py").write_text(script)
    done = chip(shlex.join([sys.executable, "script.py"]), "--trace", "--rdp", "1")
    assert done.code == 0
    stalls = [line.split(": ", 1)[1] for line in done.stderr.splitlines() if "STALL" in line]
    assert stalls == [
        "the memory is read protected",
        "wBlockNum 1 is reserved",
        "wLength 4096 is above wTransferSize 2048",
    ]
    assert "the host resets the bus" in done.stderr


def test_a_trace_that_cannot_be_written_is_no_harm(chip: Emulator) -> None:
    assert chip("true", "--trace", "/dev/full").code == 0


def test_a_terminated_emulator_ends_its_command_and_cleans_up(emulator: Emulator, tmp_path: Path) -> None:
    script = "kill -TERM $PPID; sleep 60"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = emulator(
        "exec", "--profile", "stm32f405", "--", "sh", "-c", script, environment={"TMPDIR": str(temporary)}
    )
    assert done.code == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("dfu_util")
def test_another_rom_with_other_values(emulator: Emulator) -> None:
    changes = ("--rom-version", "2100", "--set", "flash.size=512K", "--set", "usb.serial_addend=1")
    done = emulator("exec", "--profile", "STM32F405RG", *changes, "--", "dfu-util", "-l")
    assert done.code == 0, done.output
    (flash,) = (line for line in done.lines("Found DFU") if "alt=0" in line)
    assert "ver=2100" in flash
    assert "/0x08000000/04*016Kg,01*064Kg,03*128Kg" in flash
    assert 'serial="325E35643334"' in flash


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--set", "flash.size"], "--set flash.size: expected KEY=VALUE, like flash.size=512K"),
        (["--set", "usb.prodct=X"], "--set usb.prodct=X: usb.prodct: unknown key; did you mean 'product'?"),
        (["--rom-version", "2300"], "rom_versions: there is no ROM version '2300'; did you mean '2200'?"),
    ],
)
def test_changes_that_cannot_be(emulator: Emulator, flags: list[str], told: str) -> None:
    done = emulator("exec", "--profile", "stm32f405", *flags, "--", "true")
    assert done.code == 2
    assert told in done.stderr


def test_help_says_where_the_names_are(emulator: Emulator) -> None:
    words = " ".join(emulator("exec", "--help").stdout.split())
    assert "'dfu-emulator profiles list'" in words
    assert "stm32h743" not in words


def test_a_scenario_that_hit_nothing_is_told(emulator: Emulator) -> None:
    def fare(command: str) -> list[str]:
        told = emulator(
            "exec", "--profile", "stm32f405", "--scenario", "upload-stalls-once", "--", *command.split()
        )
        assert told.code == 0
        return [line for line in told.stderr.splitlines() if line.startswith("dfu-emulator: ")]

    assert fare("dfu-host read --length 8K --format hex -") == []
    assert fare("dfu-host list") == [
        "dfu-emulator: no request was hit: 'dfu-emulator scenarios show upload-stalls-once' says which ones"
        " the scenario is about"
    ]
