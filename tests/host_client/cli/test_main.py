"""The command as a whole: arguments, exit codes, interruptions."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from dfu_emulator.port import Port
from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import COMMANDS, failure, main
from dfu_host.errors import ExitCode, HostError, StalledError
from dfu_protocol import FIRST_DATA_BLOCK, CommandCode, Request, State
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import CODE


def run_on_a_chip(arguments: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """``dfu-host`` as a process of its own, with a chip in it."""
    program = (
        "from dfu_emulator.emulation import emulated\n"
        "from dfu_emulator.transports.inprocess import Backend\n"
        "from dfu_host.cli import main\n"
        "with emulated('stm32f405') as port:\n"
        f"    raise SystemExit(main({arguments}, backend=Backend(port)))\n"
    )
    return subprocess.run([sys.executable, "-c", program], **streams)


@contextmanager
def broken_pipe() -> Iterator[BinaryIO]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        yield closed


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "required: COMMAND"),
            (["fly"], "invalid choice"),
            (["read"], "required: file"),
            (["read", "x", "--address", "nowhere"], "'nowhere' is not an address"),
            (["read", "x", "--address", "-1"], "'-1' is not an address"),
            (["read", "x", "--address", "0x100000000"], "above the 32-bit address space"),
            (["read", "x", "--length", "0"], "at least 1 byte"),
            (["read", "x", "--length", "4G"], "'4G' is not a length"),
            (["write", "x", "--align", "12"], "12 is no power of two"),
            (["write", "x", "--mass-erase", "--no-erase"], "not allowed with"),
            (["erase"], "one of the arguments"),
            (["erase", "--sectors", "1-"], "'' is not the end of a range"),
            (["erase", "--sectors", "5-3"], "'5-3' ends before it begins"),
            (["erase", "--sectors", "0-99999999999"], "more than any memory has"),
            (["erase", "--sectors", "x"], "'x' is not a number or a range"),
            (["info", "--number", "0"], "counting begins with 1"),
            (["wait", "--timeout", "soon"], "'soon' is not a number of seconds"),
            (["convert", "a", "b", "--fill", "256"], "256 is no byte"),
            (["convert", "a", "b", "--alt", "256"], "256 is no byte"),
            (["options"], "required: show|write"),
            (["read", "x", "--format", "elf"], "invalid choice"),
            (["erase", "--mass", "--address", "0"], "not allowed with"),
            (["list", "--device", "0483"], "'0483' is not VID:PID"),
            (["list", "--device", "0483:df11:1"], "is not VID:PID"),
        ],
    )
    def test_wrong_ones(self, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
        with pytest.raises(SystemExit) as caught:
            main(arguments, backend=Backend())
        assert caught.value.code == ExitCode.USAGE
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize("command", ["info", "leave", "read", "erase", "write"])
    def test_no_device(
        self, tmp_path: Path, command: str, code: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rest = {"read": ["out.bin"], "erase": ["--mass"], "write": [str(code), "--address", "0"]}
        monkeypatch.chdir(tmp_path)
        assert main([command, *rest.get(command, [])], backend=Backend()) == ExitCode.NO_DEVICE
        assert not (tmp_path / "out.bin").exists()

    def test_device_filter(self, make_bench: MakeBench) -> None:
        backend = Backend(make_bench(serial="ONE").port, make_bench(serial="TWO").port)
        assert main(["leave"], backend=backend) == ExitCode.NO_DEVICE
        assert main(["leave", "-p", "1-2", "-d", "0483:DF11", "-S", "TWO"], backend=backend) == ExitCode.OK

    def test_help_documents_the_exit_codes(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["--help"])
        assert caught.value.code == ExitCode.OK
        documented = re.findall(r"^ +(\d+)  \w", capsys.readouterr().out, re.MULTILINE)
        assert [int(code) for code in documented] == sorted(ExitCode)


def test_the_docs_have_every_command_and_exit_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dfu-host.md").read_text()
    named = re.findall(r"^\| `dfu-host ([\w-]+)", page, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)
    codes = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert [int(code) for code in codes] == sorted(ExitCode)


def test_the_docs_have_every_kind_of_error() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dfu-host.md").read_text()
    sentence = page.partition("The kinds are ")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([\w-]+)`", sentence)) - {"interrupted"}
    classes = [HostError]
    for known in classes:
        classes += known.__subclasses__()
    kinds = {failure.kind(known) for known in classes if known is not StalledError}
    assert named == kinds


class TestInterruptions:
    def test_keyboard(self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        class Interrupted(Backend):
            def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
                if bmRequestType == 0xA1 and bRequest == Request.UPLOAD:
                    raise KeyboardInterrupt
                return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)

        out = tmp_path / "out.bin"
        assert main(["read", str(out)], backend=Interrupted(f405_bench.port)) == ExitCode.INTERRUPTED
        assert capsys.readouterr().err == (
            "dfu-host: interrupted while reading, after 0 of 1048576 bytes;"
            " nothing on the device has changed; the device is in dfuIDLE\n"
        )
        assert not out.exists()
        assert f405_bench.state.label == "dfuIDLE"

    @pytest.mark.parametrize("arguments", [["list"], ["read", "-"], ["info", "--json"]])
    def test_output_that_nobody_reads_any_more(self, arguments: list[str]) -> None:
        with broken_pipe() as closed:
            done = run_on_a_chip(arguments, stdout=closed, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (ExitCode.DEVICE, b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk at hand")
    @pytest.mark.parametrize("arguments", [["list"], ["read", "-"], ["info", "--json"]])
    def test_output_on_a_full_disk(self, arguments: list[str]) -> None:
        with Path("/dev/full").open("wb") as full:
            done = run_on_a_chip(arguments, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == ExitCode.CANNOT_CREATE
        assert done.stderr.endswith(b"cannot write to standard output: No space left on device\n")

    @pytest.mark.parametrize("json", [[], ["--json"]])
    def test_a_write_goes_on_when_nobody_reads_its_messages(self, code: Path, json: list[str]) -> None:
        with broken_pipe() as closed:
            arguments = ["write", str(code), "--address", str(FLASH), *json]
            done = run_on_a_chip(arguments, stdout=subprocess.PIPE, stderr=closed)
        assert done.returncode == ExitCode.OK

    @pytest.mark.parametrize(
        ("stage", "done", "left"),
        [
            ("erasing", "0 of 16384", "0x08000000..0x08003fff may be half erased"),
            ("writing", "2048 of 2720", "0x08000800..0x08000a9f may be half written"),
            ("verifying", "0 of 2720", "0x08000000..0x08000a9f is written"),
        ],
    )
    def test_of_a_write(
        self,
        f405_bench: Bench,
        code: Path,
        capsys: pytest.CaptureFixture[str],
        stage: str,
        done: str,
        left: str,
    ) -> None:
        code.write_bytes(CODE[:2720])
        f405_bench.backend = Interrupting(f405_bench.port, stage)
        assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.INTERRUPTED
        said = capsys.readouterr().err
        assert said.startswith(f"dfu-host: interrupted while {stage}, after {done} bytes; ")
        assert "; the device is in dfuIDLE; on the chip now: " in said
        assert left in said
        assert f405_bench.state is State.DFU_IDLE
        assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.OK
        assert f405_bench.flash.startswith(CODE[:2720])


class Interrupting(Backend):
    """Ctrl-C, once: as a page is to be erased, as a second block is to be written, as one is read back."""

    def __init__(self, port: Port, stage: str) -> None:
        super().__init__(port)
        self._stage = stage
        self._blocks = 0

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        data, _timeout = rest
        stage = ""
        if (bmRequestType, bRequest, wValue) == (0x21, Request.DNLOAD, 0) and data[0] == CommandCode.ERASE:
            stage = "erasing"
        elif (bmRequestType, bRequest) == (0x21, Request.DNLOAD) and wValue >= FIRST_DATA_BLOCK:
            self._blocks += 1
            stage = "writing" if self._blocks == 2 else ""
        elif (bmRequestType, bRequest) == (0xA1, Request.UPLOAD) and self._blocks:
            stage = "verifying"
        if stage and stage == self._stage:
            self._stage = "over"
            raise KeyboardInterrupt
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "dfu_host", "erase"], capture_output=True, text=True)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("usage: dfu-host erase")


def test_only_what_is_needed_is_imported() -> None:
    program = (
        "import sys\n"
        "from dfu_host.cli import COMMANDS, main\n"
        "class Empty:\n"
        "    def enumerate_devices(self):\n"
        "        return []\n"
        "assert main(['list'], backend=Empty()) == 74\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted({'bincopy', 'elftools', 'rich', 'dfu_emulator'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
