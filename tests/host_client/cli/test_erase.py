"""``erase``."""

import json
from pathlib import Path

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import load
from dfu_host.errors import ExitCode
from dfu_protocol import Erase, Request
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import SECTOR

OLD = bytes(range(256)) * 256


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

    @pytest.mark.parametrize(
        ("what", "first"),
        [
            (["--sectors", "0,1"], FLASH + SECTOR),
            (["--address", "0x08004000"], FLASH + SECTOR),
            (["--mass"], FLASH),
        ],
    )
    def test_a_page_that_stays_is_told(
        self, make_bench: MakeBench, what: list[str], first: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A mass erase stays away from all if one page is protected."""
        bench = make_bench(scenario="wrp-silent")
        bench.port.device.bootloader.chip.flash.cells[: len(OLD)] = OLD
        assert bench.run("erase", *what, "--json") == ExitCode.VERIFY
        out, err = capsys.readouterr()
        failed = json.loads(out)["error"]
        assert (failed["kind"], failed["address"], failed["expected"][:4]) == ("not-erased", first, "ffff")
        assert f"not erased, though the device says so: 0x{first:08x}..0x080" in err
        assert "write protected" in err
        assert '"erased' not in err
        assert bench.run("erase", *what, "--no-verify") == ExitCode.OK

    def test_a_page_of_another_family_that_stays(
        self, make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(load("stm32f042"))
        bench.port.device.bootloader.chip.flash.cells[:8192] = bytes(8192)
        assert bench.run("options", "write", "0x1ffff808=0xfe", "--yes") == ExitCode.OK
        bench.come_back()
        assert bench.run("erase", "--mass") == ExitCode.VERIFY
        assert "says so: 0x08000000..0x08001fff (" in capsys.readouterr().err

    @pytest.mark.parametrize("what", [["--sectors", "1"], ["--mass"]])
    def test_what_cannot_be_read_is_not_said_to_be_erased(
        self, make_bench: MakeBench, what: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(scenario="rdp-1-silent")
        assert bench.run("erase", *what) == ExitCode.DEVICE
        said = capsys.readouterr().err
        assert "the device says that it has erased, which cannot be checked: " in said
        assert "the memory is read protected" in said
        assert "erased the whole flash" not in said
        assert "on the chip now" not in said

    def test_a_bit_that_the_cable_flips_is_no_failure(self, make_bench: MakeBench) -> None:
        assert make_bench(scenario="corrupt-upload").run("erase", "--mass") == ExitCode.OK

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
