"""The command as a whole: arguments, exit codes, interruptions."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from host_client.bench import Bench, MakeBench


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

    def test_output_that_nobody_reads_any_more(self) -> None:
        program = (
            "from dfu_emulator.emulation import emulated\n"
            "from dfu_emulator.transports.inprocess import Backend\n"
            "from dfu_host.cli import main\n"
            "with emulated('stm32f405') as port:\n"
            "    raise SystemExit(main(['list'], backend=Backend(port)))\n"
        )
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            done = subprocess.run([sys.executable, "-c", program], stdout=closed, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (ExitCode.DEVICE, b"")


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "dfu_host", "erase"], capture_output=True, text=True)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("usage: dfu-host erase")


def test_only_what_is_needed_is_imported() -> None:
    program = (
        "import sys\n"
        "from dfu_host.cli import main\n"
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
