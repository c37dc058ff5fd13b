"""The command as a whole: arguments, exit codes, interruptions."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import dfu_host_command
from dfu_emulator.port import Port
from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import COMMANDS, failure, main
from dfu_host.errors import ExitCode, HostError, StalledError
from dfu_protocol import FIRST_DATA_BLOCK, CommandCode, Request, State
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import CODE

FULL = Path("/dev/full")
UNPROTECT = CommandCode.READ_UNPROTECT


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
            (["erase", "--sectors", "x"], "'x' is not a number or a range"),
            (["info", "--number", "0"], "counting begins with 1"),
            (["wait", "--timeout", "soon"], "'soon' is not a number of seconds"),
            (["convert", "a", "b", "--fill", "256"], "256 is no byte"),
            (["options"], "required: show|write"),
            (["erase", "--sectors", "0,5-3"], "'5-3' ends before it begins"),
            (["read", "x", "--format", "elf"], "'elf' is none of raw, hex, srec, dfu, dfuse\n"),
            (["write", "x", "--input-format", "bin"], "'bin' is none of raw, hex, srec, elf, dfu, dfuse\n"),
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
    def test_no_device(self, tmp_path: Path, command: str, code: Path) -> None:
        rest = {"read": ["out.bin"], "erase": ["--mass"], "write": [str(code), "--address", "0"]}
        os.chdir(tmp_path)
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

    def test_a_second_one_loses_nothing_of_what_there_is_to_tell(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Impatient(Interrupting):
            def ctrl_transfer(self, *arguments: Any) -> int:
                if self.stage == "over":
                    raise KeyboardInterrupt
                return super().ctrl_transfer(*arguments)

        f405_bench.backend = Impatient(f405_bench.port, "writing")
        assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.INTERRUPTED
        said = capsys.readouterr().err
        assert "interrupted while writing, after 2048 of 2752 bytes; the device may still be busy;" in said
        assert "0x08000000..0x080007ff is written" in said

    @pytest.mark.parametrize("arguments", [["list"], ["read", "-"], ["info", "--json"], ["--help"]])
    def test_output_that_nobody_reads_any_more(self, arguments: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            done = in_a_process(arguments, stdout=closed, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (ExitCode.DEVICE, b"")

    @pytest.mark.skipif(not FULL.exists(), reason=f"needs {FULL}")
    @pytest.mark.parametrize(
        "arguments", [["list"], ["read", "--length", "4", "-"], ["udev-rule"], ["read", "--help"]]
    )
    def test_output_that_does_not_fit(self, arguments: list[str]) -> None:
        with FULL.open("wb") as full:
            done = in_a_process(arguments, stdout=full, stderr=subprocess.PIPE)
        said = b"dfu-host: cannot write to standard output: No space left on device\n"
        assert (done.returncode, done.stderr) == (ExitCode.CANNOT_CREATE, said)

    @pytest.mark.skipif(not FULL.exists(), reason=f"needs {FULL}")
    def test_the_document_does_not_fit(self) -> None:
        with FULL.open("wb") as full:
            done = in_a_process(["list", "--json"], stdout=full, stderr=subprocess.PIPE)
        said = json.loads(done.stderr)["text"]
        assert (done.returncode, said[:36]) == (
            ExitCode.CANNOT_CREATE,
            "cannot write to standard output: No ",
        )

    @pytest.mark.parametrize("arguments", [["list"], ["read", "-"], ["--version"]])
    def test_closed_output(self, arguments: list[str]) -> None:
        done = in_a_process(arguments, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
        assert done.returncode == ExitCode.CANNOT_CREATE
        assert done.stderr.endswith(b"dfu-host: cannot write to standard output: it is closed\n")

    def test_messages_with_nowhere_to_go_stay_out_of_the_data(self) -> None:
        arguments = ["read", "--length", "4", "-", "-v"]
        done = in_a_process(arguments, stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
        assert (done.returncode, done.stdout) == (ExitCode.OK, b"\xff" * 4)

    @pytest.mark.parametrize("flags", [["-v"], ["--json"]])
    def test_messages_that_nobody_reads_do_not_break_off_a_write(self, code: Path, flags: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            done = in_a_process(
                ["write", str(code), "--address", str(FLASH), *flags], stdout=subprocess.PIPE, stderr=closed
            )
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

    @pytest.mark.parametrize("arguments", [["erase", "--mass"], ["write", "--mass-erase"]])
    def test_of_a_mass_erase(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
    ) -> None:
        f405_bench.backend = Interrupting(f405_bench.port, "erasing")
        file = [code, "--address", FLASH] if arguments[0] == "write" else []
        assert f405_bench.run(*arguments, *file) == ExitCode.INTERRUPTED
        assert (
            "interrupted while erasing, after 0 of 1048576 bytes; the device is in dfuIDLE;"
            " on the chip now: 0x08000000..0x080fffff may be half erased"
        ) in capsys.readouterr().err

    def test_of_lifting_the_read_protection(
        self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        f405_bench.backend = Interrupting(f405_bench.port, "unprotecting")
        assert f405_bench.run("unprotect", "--yes") == ExitCode.INTERRUPTED
        assert capsys.readouterr().err == (
            "dfu-host: interrupted while lifting the read protection; the device may be erased already;"
            " the device is in dfuIDLE\n"
        )

    def test_of_the_look_before_a_write(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        f405_bench.backend = Interrupting(f405_bench.port, "comparing")
        assert f405_bench.run("write", code, "--address", FLASH) == ExitCode.INTERRUPTED
        said = capsys.readouterr().err
        assert said.startswith("dfu-host: interrupted while comparing, after 0 of 14336 bytes; ")
        assert said.endswith("; nothing on the device has changed; the device is in dfuIDLE\n")


def in_a_process(arguments: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """``dfu-host`` with these arguments and a chip, in a process of its own."""
    program = (
        "from dfu_emulator.emulation import emulated\n"
        "from dfu_emulator.transports.inprocess import Backend\n"
        "from dfu_host.cli import main\n"
        "with emulated('stm32f405') as port:\n"
        f"    raise SystemExit(main({arguments}, backend=Backend(port)))\n"
    )
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    return subprocess.run([sys.executable, "-c", program], check=False, env=environment, **streams)


class Interrupting(Backend):
    """Ctrl-C, once: as a page is to be erased, as a second block is to be written, as one is read back."""

    def __init__(self, port: Port, stage: str) -> None:
        super().__init__(port)
        self.stage = stage
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
        elif (bmRequestType, bRequest) == (0xA1, Request.UPLOAD):
            stage = "verifying" if self._blocks else "comparing"
        if (bmRequestType, bRequest, wValue) == (0x21, Request.DNLOAD, 0) and data[0] == UNPROTECT:
            stage = "unprotecting"
        if stage and stage == self.stage:
            self.stage = "over"
            raise KeyboardInterrupt
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "dfu_host", "erase"], capture_output=True, text=True)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("usage: dfu-host erase")


def test_interrupted_before_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "construct.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-c", "from dfu_host_command import main\nraise SystemExit(main())"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, b"", b"")


def test_the_installed_command_begins_there() -> None:
    (script,) = entry_points(group="console_scripts", name="dfu-host")
    assert script.value == "dfu_host_command:main"
    assert script.load() is dfu_host_command.main


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
