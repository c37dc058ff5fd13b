"""``list`` and ``info``."""

import io
import re
import sys
from typing import Any

import pytest
import usb.core
from msgspec.structs import replace

from dfu_emulator.profile import Profile
from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from host_client.bench import Bench, MakeBench


class TestListAndInfo:
    def test_list(self, make_bench: MakeBench, f405: Profile, capsys: pytest.CaptureFixture[str]) -> None:
        assert make_bench(serial="ABC").run("list") == ExitCode.OK
        assert capsys.readouterr().out.splitlines() == [
            "0483:df11  path 1-1  serial ABC",
            *(f"  alt {number}  {text}" for number, text in enumerate(f405.alternates)),
        ]

    def test_list_several(self, make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Backend(make_bench(serial="ONE").port, make_bench(serial="TWO").port)
        assert main(["list"], backend=backend) == ExitCode.OK
        assert re.findall(r"path (\S+)  serial (\S+)", capsys.readouterr().out) == [
            ("1-1", "ONE"),
            ("1-2", "TWO"),
        ]
        assert main(["list", "--serial", "TWO"], backend=backend) == ExitCode.OK
        assert "ONE" not in capsys.readouterr().out

    def test_list_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list"], backend=Backend()) == ExitCode.NO_DEVICE
        assert capsys.readouterr() == ("", "dfu-host: no DfuSe device found\n")

    def test_list_what_may_not_be_opened(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        class Locked(Backend):
            def open_device(self, dev: Any) -> Any:
                raise usb.core.USBError("Access denied", errno=13)

        assert main(["list"], backend=Locked(f405_bench.port)) == ExitCode.OK
        shown = capsys.readouterr()
        assert "serial unknown" in shown.out
        assert "alt 3  (name unknown)" in shown.out
        assert "udev" in shown.err
        assert main(["info"], backend=Locked(f405_bench.port)) == ExitCode.DEVICE
        assert "udev" in capsys.readouterr().err

    def test_info(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert f405_bench.run("info") == ExitCode.OK
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        for expected in (
            "bcdUSB 1.00",
            "bcdDevice 22.00",
            "bcdDFUVersion 1.1a",
            "bmAttributes 0x0b (can download, can upload, will detach)",
            "wTransferSize 2048 bytes",
            "wDetachTimeOut 255 ms",
            "state dfuERROR",
            "status errFIRMWARE (the firmware in flash is not valid)",
            "commands 0x00 Get, 0x21 Set Address Pointer, 0x41 Erase, 0x92 Read Unprotect",
            "alt memory addresses pages access",
            "0 Internal Flash 0x08000000..0x0800ffff 4 x 16 KiB read, erase, write",
            "0 Internal Flash 0x08020000..0x080fffff 7 x 128 KiB read, erase, write",
            "1 Option Bytes 0x1fffc000..0x1fffc00f 1 x 16 B read, write",
        ):
            assert expected in lines

    def test_info_with_little_to_tell(
        self, make_bench: MakeBench, f405: Profile, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(replace(f405, alternates=("no layout", "@Clone /0x08000000/02*001K")))
        bench.send(Request.CLRSTATUS)
        bench.send(Request.DNLOAD, data=b"\x41")
        assert bench.run("info") == ExitCode.OK
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        assert "state dfuDNLOAD-SYNC" in lines
        assert "status not asked for" in lines
        assert "0 no layout not described" in lines
        assert "1 Clone 0x08000000..0x080007ff 2 x 1 KiB not said" in lines

    @pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "\u00b5"), ("ascii", r"\xb5")])
    def test_what_a_terminal_would_obey_or_cannot_spell(
        self,
        make_bench: MakeBench,
        f405: Profile,
        monkeypatch: pytest.MonkeyPatch,
        encoding: str,
        shown: str,
    ) -> None:
        bench = make_bench(replace(f405, alternates=("@\u00b5\x1b[31m /0x08000000/04*016Kg",)))
        output = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(sys, "stdout", output)
        assert bench.run("list") == ExitCode.OK
        output.seek(0)
        assert output.read().endswith(f"  alt 0  @{shown}\\x1b[31m /0x08000000/04*016Kg\n")
