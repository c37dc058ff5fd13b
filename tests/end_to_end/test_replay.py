"""``dfu-emulator replay`` with captures of real dfu-util, as a user runs it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import require
from end_to_end.conftest import TIME_LIMIT, Done, Emulator

SESSION = (
    "dfu-util -a 0 -s 0x08000000 -D firmware && dfu-util -a 0 -s 0x08000000:5008 -U back && "
    "dfu-util -a 0 -s 0x08000000:leave -D firmware"
)
CAPTURES = ("--pcap", "capture.pcapng", "--trace-json", "capture.json", "--timing", "real")
BUSY_MODELS = {"block": "stm32f405", "poll": "stm32f072", "wedge": "stm32h743", "newer ROM": "stm32u585"}


@pytest.fixture
def capture(emulator: Emulator, tmp_path: Path) -> Emulator:
    """``capture(profile)`` makes captures of a session with a chip."""
    require("dfu-util")
    (tmp_path / "firmware").write_bytes(os.urandom(5008))

    def run(profile: str, *options: str) -> Done:
        done = emulator("exec", "--profile", profile, *CAPTURES, *options, "--", "sh", "-c", SESSION)
        assert done.code == 0, done.output
        return done

    return run


@pytest.mark.parametrize("profile", BUSY_MODELS.values(), ids=BUSY_MODELS.keys())
def test_a_chip_against_itself(emulator: Emulator, capture: Emulator, profile: str) -> None:
    capture(profile)
    for file in ("capture.pcapng", "capture.json"):
        done = emulator("replay", file, "--profile", profile)
        assert (done.code, done.stderr) == (0, ""), done.output
        assert "replay: no difference" in done.stdout
        assert " 0 differently" in done.stdout


@pytest.mark.parametrize("options", [["--set", "bootloader.busy=poll"], ["--set", "bootloader.busy=stall"]])
def test_other_busy_models(emulator: Emulator, capture: Emulator, options: list[str]) -> None:
    capture("stm32f405", *options)
    assert emulator("replay", "capture.pcapng", "--profile", "stm32f405", *options).code == 0
    done = emulator("replay", "capture.pcapng", "--profile", "stm32f405")
    assert done.code == 1
    assert done.lines("in the profile:") == [
        "in the profile: bootloader.busy, bootloader.wedge_from, timing.flash"
    ]


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
def test_files_that_wireshark_writes(
    emulator: Emulator, capture: Emulator, tmp_path: Path, form: str
) -> None:
    require("tshark")
    capture("stm32f405")
    command = ["tshark", "-r", "capture.pcapng", "-F", form, "-w", "saved"]
    subprocess.run(command, cwd=tmp_path, timeout=TIME_LIMIT, check=True, capture_output=True)
    done = emulator("replay", "saved", "--profile", "stm32f405")
    assert done.code == 0, done.output


def test_another_chip_in_json(emulator: Emulator, capture: Emulator) -> None:
    capture("stm32f405")
    done = emulator("replay", "capture.pcapng", "--profile", "stm32h743", "--json")
    assert (done.code, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert (report["profile"], report["unit"], report["devices"][0]) == ("stm32h743", "packet", "1.2")
    assert report["equal"] + report["different"] + report["not_compared"] == report["transfers"]
    (timeout,) = (kind for kind in report["differences"] if kind["answers"][0]["aspect"] == "bwPollTimeout")
    assert timeout["answers"] == [{"aspect": "bwPollTimeout", "captured": "100 ms", "emulator": "1000 ms"}]
    assert timeout["profile_keys"] == ["timing.poll_timeout.erase"]
    assert timeout["request"] == "DFU_GETSTATUS after DFU_DNLOAD Erase 0x08000000"


def test_the_profile_is_corrected_by_what_the_report_says(emulator: Emulator, capture: Emulator) -> None:
    capture("stm32f405", "--set", "timing.poll_timeout.erase=50", "--set", "bootloader.clrstatus=stall")
    done = emulator("replay", "capture.json", "--profile", "stm32f405")
    assert done.code == 1
    assert done.lines("in the profile:") == ["in the profile: timing.poll_timeout.erase"]
    corrected = ("--set", "timing.poll_timeout.erase=50")
    assert emulator("replay", "capture.json", "--profile", "stm32f405", *corrected).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: cannot be read: No such file or directory"),
        (["."], ".: cannot be read: Is a directory"),
        (
            ["text"],
            "text: no capture: neither pcap nor pcapng (of usbmon or USBPcap) nor a --trace-json file",
        ),
        (["cut"], "cut: cut short in the middle of packet 1: save the packets before it anew"),
        (["empty"], "empty: no DFU device in it, neither 0483:df11 nor another"),
        (["empty", "--device", "1.2"], "empty: there is no device 1.2 in it; there are: none"),
        (["empty", "--image", "none"], "none: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_replayed(
    emulator: Emulator, tmp_path: Path, arguments: list[str], message: str
) -> None:
    header = bytes.fromhex("d4c3b2a1 02000400 00000000 00000000 00000400 dc000000")
    for name, content in (("text", b"hello"), ("cut", header + bytes(9)), ("empty", header)):
        (tmp_path / name).write_bytes(content)
    done = emulator("replay", *arguments, "--profile", "stm32f405")
    assert (done.code, done.stdout, done.stderr) == (2, "", f"dfu-emulator: {message}\n")


def test_no_capture_is_of_a_chip_that_is_locked_for_ever(emulator: Emulator, capture: Emulator) -> None:
    capture("stm32f405")
    locked = ("replay", "capture.json", "--profile", "stm32f405", "--scenario", "rdp-2")
    done = emulator(*locked)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("dfu-emulator: --scenario rdp-2 has read protection level 2, at which")
    assert emulator(*locked, "--rdp", "0").code == 0


def test_a_reader_that_has_seen_enough(emulator: Emulator, capture: Emulator, tmp_path: Path) -> None:
    capture("stm32f405")
    command = f"{shlex.quote(sys.executable)} -m dfu_emulator replay capture.json --profile stm32h743 | true"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, timeout=TIME_LIMIT, check=True, capture_output=True
    )
    assert done.stderr == b""
