"""``erase``."""

from pathlib import Path

import pytest

from dfu_emulator.bootloader import Reason
from dfu_host.errors import ExitCode
from dfu_protocol import Erase, Request
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import SECTOR


class TestErase:
    def test_pages(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ["erase", "--address", FLASH + SECTOR + 1, "--length", "16K"]
        assert f405_bench.run(*arguments) == ExitCode.OK
        assert f405_bench.commands(Erase) == [Erase(FLASH + SECTOR), Erase(FLASH + 2 * SECTOR)]
        assert capsys.readouterr().err == "dfu-host: erased 32768 bytes from 0x08004000 on\n"

    def test_one_page(self, f405_bench: Bench, code: Path) -> None:
        f405_bench.run("write", code, "--address", FLASH)
        assert f405_bench.run("erase", "--address", FLASH + 5) == ExitCode.OK
        assert f405_bench.commands(Erase)[1:] == [Erase(FLASH)]
        assert set(f405_bench.flash) == {0xFF}

    def test_by_number(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert f405_bench.run("erase", "--sectors", "0,3-5") == ExitCode.OK
        assert f405_bench.commands(Erase) == [
            Erase(address) for address in (FLASH, FLASH + 3 * SECTOR, 0x08010000, 0x08020000)
        ]
        assert capsys.readouterr().err == "dfu-host: erased 4 pages, 229376 bytes\n"

    def test_mass(self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
        f405_bench.run("write", code, "--address", 0x08020000)
        assert f405_bench.run("erase", "--mass") == ExitCode.OK
        said = capsys.readouterr().err
        assert "may take half a minute" in said
        assert "Ctrl-C waits for it" in said
        assert set(f405_bench.flash) == {0xFF}

    def test_mass_on_a_protected_chip(
        self, make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert make_bench(rdp=1).run("erase", "--mass") == ExitCode.DEVICE
        said = capsys.readouterr().err
        assert "lift it with 'dfu-host unprotect --yes'" in said
        assert "on the chip now" not in said

    def test_unprotect(
        self, make_bench: MakeBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(rdp=1)
        assert bench.run("erase", "--unprotect") == ExitCode.USAGE
        assert "--yes" in capsys.readouterr().err
        assert bench.transfers == []
        assert bench.run("erase", "--unprotect", "--yes") == ExitCode.OK
        assert [reason for reason, _ in bench.departures] == [Reason.READ_UNPROTECT]
        assert bench.run("read", tmp_path / "out.bin", "--length", "4K") == ExitCode.OK

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--address", "0x08100000"], "0x08100000 is not in erasable memory"),
            (["--address", "0x080fffff", "--length", "2"], "0x08100000 is not in erasable memory"),
            (
                ["--alt", "1", "--address", "0x1fffc000"],
                "Option Bytes cannot be erased",
            ),
            (["--mass", "--length", "4K"], "--address is missing"),
            (["--mass", "--alt", "option"], "--mass erases the flash, and Option Bytes is none"),
            (["--sectors", "11,12"], "there is no page 12: Internal Flash has 12 that can be erased"),
        ],
    )
    def test_refusals(
        self, f405_bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert f405_bench.run("erase", *arguments) == ExitCode.USAGE
        assert message in capsys.readouterr().err
        assert f405_bench.requests(Request.DNLOAD) == []
