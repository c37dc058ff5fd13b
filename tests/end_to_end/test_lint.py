"""``dfu-emulator lint`` and ``--advice`` with programs that use libusb."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import Done, Emulator

AUTHORS_FLASHER = (sys.executable, str(Path(__file__).with_name("authors_flasher.py")))
IN_A_SCRIPT = f"exec {shlex.join(AUTHORS_FLASHER)}"
APPLICATION = bytes.fromhex("00 00 02 20 01 02 00 08") + bytes(range(1, 255)) * 20
DFU_UTIL = "dfu-util -a 0 -s 0x08000000"


@pytest.fixture
def lint(emulator: Emulator, tmp_path: Path) -> Emulator:
    """``lint(script, *options)`` lints a shell script with an STM32F405; firmware.bin is an application."""
    (tmp_path / "firmware.bin").write_bytes(APPLICATION)

    def run(script: str, *options: str) -> Done:
        return emulator("lint", "--profile", "stm32f405", *options, "--", "sh", "-c", script)

    return run


def kinds(done: Done) -> list[str]:
    """Headings of a report."""
    return [line.split(",")[0] for line in done.stdout.splitlines() if line.endswith((", once", " times"))]


class TestTheThreadThatStartedIt:
    """Its author would have had both explanations in the first minute."""

    def test_abort_before_upload(self, emulator: Emulator) -> None:
        done = emulator("lint", "--profile", "stm32f042", "--", "sh", "-c", f"{IN_A_SCRIPT} first")
        assert done.code == 1
        assert "USB comm failed during upload" in done.stderr
        assert kinds(done) == ["upload-in-dnload-idle"]
        assert "UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE." in done.stdout
        assert "Send DFU_ABORT first, which leads to dfuIDLE, then UPLOAD." in done.stdout

    def test_wtransfersize_is_the_descriptors(self, emulator: Emulator) -> None:
        done = emulator("lint", "--profile", "stm32f042", "--", *AUTHORS_FLASHER)
        assert done.code == 1
        assert kinds(done) == ["upload-in-dnload-idle", "short-blocks"]
        assert "short-blocks, 3 times" in done.stdout
        assert "This read skipped 1984 of each 2048 bytes" in done.stdout
        assert (
            "wTransferSize is the descriptor's, 2048 here, and not the wLength of the request" in done.stdout
        )


@pytest.mark.usefixtures("dfu_util")
class TestDfuUtil:
    @pytest.mark.parametrize(
        ("script", "timing"),
        [
            (f"{DFU_UTIL}:leave -D firmware.bin", "fast"),
            (f"{DFU_UTIL}:leave -D firmware.bin", "real"),
            (f"{DFU_UTIL} -D firmware.bin && {DFU_UTIL}:{len(APPLICATION)} -U copy.bin", "real"),
            (f"{DFU_UTIL}:mass-erase:force -D firmware.bin", "fast"),
            ("dfu-util -a 1 -s 0x1FFFC000:16 -U options.bin", "fast"),
            (f"{DFU_UTIL} -R -D firmware.bin", "fast"),
        ],
    )
    def test_it_gets_no_advice_when_it_is_used_rightly(
        self, lint: Emulator, script: str, timing: str
    ) -> None:
        done = lint(script, "--timing", timing)
        assert kinds(done) == []
        assert done.code == 0
        assert "DFU requests: no advice" in done.stdout

    def test_an_odd_length_is_not_padded(self, lint: Emulator) -> None:
        done = lint(f"head -c 2047 firmware.bin > odd.bin; {DFU_UTIL} -D odd.bin")
        assert kinds(done) == ["misaligned-write"]
        assert "2047 bytes were written to 0x08000000, the flash takes multiples of 4." in done.stdout

    def test_leave_without_an_application(self, lint: Emulator) -> None:
        done = lint(f"head -c 4096 /dev/zero > zeros.bin; {DFU_UTIL}:leave -D zeros.bin")
        assert (done.code, kinds(done)) == (1, ["leave-to-nothing"])

    def test_reading_a_protected_chip(self, lint: Emulator) -> None:
        assert kinds(lint(f"{DFU_UTIL}:64 -U copy.bin", "--rdp", "1")) == ["read-protected"]


@pytest.mark.parametrize(
    "then",
    [
        "",
        "device.ctrl_transfer(0x21, 4, 0, 0, None, 60_000)",
        "device.ctrl_transfer(0x21, 6, 0, 0, None, 60_000)",
        "device.reset()",
    ],
    ids=["ends", "clears", "aborts", "resets"],
)
def test_a_program_that_gives_up_an_erase(lint: Emulator, tmp_path: Path, then: str) -> None:
    (tmp_path / "hasty.py").write_text(
        "import time, usb.core\n"
        "device = usb.core.find(idVendor=0x0483)\n"
        "device.ctrl_transfer(0x21, 4, 0, 0, None)\n"
        "device.ctrl_transfer(0x21, 1, 0, 0, b'\\x41\\0\\0\\0\\x08')\n"
        "device.ctrl_transfer(0xA1, 3, 0, 0, 6)\n"
        "time.sleep(0.1)\n"
        "try:\n"
        "    device.ctrl_transfer(0xA1, 3, 0, 0, 6, 100)\n"
        "except usb.core.USBTimeoutError:\n"
        "    print('no answer')\n" + then
    )
    done = lint(shlex.join([sys.executable, "hasty.py"]), "--timing", "real")
    assert "no answer" in done.stdout
    assert kinds(done) == ["impatient-erase"]
    assert "It can take 800 ms on this chip" in done.stdout


def test_json_is_alone_on_the_standard_output(lint: Emulator) -> None:
    done = lint(f"echo hello; {IN_A_SCRIPT}", "--json")
    assert done.code == 1
    assert "hello" in done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == 0
    assert (report["chip"], report["timing"]) == ("stm32f405", "fast")
    assert [entry["kind"] for entry in report["advice"]] == ["upload-in-dnload-idle", "short-blocks"]
    assert report["advice"][0]["count"] == 1


def test_kinds_can_be_ignored(lint: Emulator) -> None:
    done = lint(IN_A_SCRIPT, "--ignore", "short-blocks", "--ignore", "upload-in-dnload-idle")
    assert (done.code, kinds(done)) == (0, [])


def test_an_unknown_kind_cannot(lint: Emulator) -> None:
    done = lint("true", "--ignore", "everything")
    assert done.code == 2
    assert "short-blocks" in done.stderr


@pytest.mark.parametrize(("script", "code"), [("true", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_without_advice_the_exit_code_is_the_commands(lint: Emulator, script: str, code: int) -> None:
    done = lint(script)
    assert done.code == code
    assert "there was nothing to judge" in done.stdout


def test_advice_as_it_happens(chip: Emulator) -> None:
    done = chip(IN_A_SCRIPT, "--advice")
    assert done.code == 0
    advice = done.lines("advice: ")
    assert len(advice) == 2
    assert advice[0].startswith("advice: UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE. ")
    assert advice[1].startswith("advice: This read skipped 1984 of each 2048 bytes")


def test_no_advice_unless_asked_for(chip: Emulator) -> None:
    assert chip(IN_A_SCRIPT).lines("advice: ") == []
