"""The command from end to end: arguments in, output, files, exit codes and memory out."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import bincopy
import pytest
import usb.core
from msgspec.structs import replace

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import Profile, load
from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_protocol import Erase, Request
from dfu_protocol.firmware_file import DfuSeFile, Element, Suffix, Target
from emulator.host import variant
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench

CODE = bytes(range(250)) * 11
SECTOR = 16 * 1024
FACTORY = bytes.fromhex("ffaa ffff ffff ffff ffff ffff ffff ffff")
PROTECTED = bytes.fromhex("ff55 ffff ffff ffff ffff ffff ffff ffff")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "code.bin"
    path.write_bytes(CODE)
    return path


def dfuse(path: Path, *targets: Target, suffix: Suffix | None = None) -> Path:
    path.write_bytes(DfuSeFile(targets, suffix or Suffix()).build())
    return path


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


class TestRead:
    def test_all_of_the_first_memory(self, f405_bench: Bench, tmp_path: Path) -> None:
        assert f405_bench.run("read", tmp_path / "out.bin") == ExitCode.OK
        assert (tmp_path / "out.bin").read_bytes() == f405_bench.flash

    def test_a_part(self, f405_bench: Bench, code: Path, tmp_path: Path) -> None:
        assert f405_bench.run("write", code, "--address", "0x08000000") == ExitCode.OK
        assert (
            f405_bench.run("read", tmp_path / "out.bin", "--address", FLASH + 3, "--length", "0x801")
            == ExitCode.OK
        )
        assert (tmp_path / "out.bin").read_bytes() == CODE[3 : 3 + 0x801]

    @pytest.mark.parametrize(
        ("options", "size"),
        [
            (["--length", "1K"], 1024),
            (["--address", "0x080fff00"], 256),
            (["--alt", "2"], 528),
            (["--alt", "option bytes"], 16),
            (["--address", "0x1fffc000", "--length", "16"], 16),
        ],
    )
    def test_ranges(self, f405_bench: Bench, tmp_path: Path, options: list[str], size: int) -> None:
        assert f405_bench.run("read", tmp_path / "out.bin", *options) == ExitCode.OK
        assert (tmp_path / "out.bin").stat().st_size == size

    def test_to_standard_output(self, f405_bench: Bench, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        assert f405_bench.run("read", "-", "--alt", "1") == ExitCode.OK
        assert capfdbinary.readouterr() == (FACTORY, b"dfu-host: read 16 bytes from 0x1fffc000 on\n")

    def test_existing_file(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out.bin"
        out.write_bytes(b"old")
        assert f405_bench.run("read", out, "--alt", "1") == ExitCode.USAGE
        assert "--force" in capsys.readouterr().err
        assert out.read_bytes() == b"old"
        assert f405_bench.run("read", out, "--alt", "1", "--force") == ExitCode.OK
        assert out.read_bytes() == FACTORY

    def test_failure_leaves_no_file(self, f405_bench: Bench, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        # The last page of the system memory and more: no layout string tells where that ends.
        behind = ("--address", "0x1FFF7000", "--length", "4K")
        assert f405_bench.run("read", folder / "a.bin", *behind) == ExitCode.DEVICE
        assert list(folder.iterdir()) == []

    def test_more_than_there_is(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert f405_bench.run("read", tmp_path / "a.bin", "--length", "2M") == ExitCode.USAGE
        assert "the memory ends at 0x080fffff" in capsys.readouterr().err
        assert not (tmp_path / "a.bin").exists()

    def test_protected_chip(
        self, make_bench: MakeBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert make_bench(rdp=1).run("read", tmp_path / "out.bin") == ExitCode.DEVICE
        message = capsys.readouterr().err
        assert "dfuERROR (errVENDOR: the memory is read protected)" in message
        assert "dfu-host erase --unprotect" in message
        assert not (tmp_path / "out.bin").exists()

    def test_outside_without_a_length(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert f405_bench.run("read", tmp_path / "out.bin", "--address", 0x20003000) == ExitCode.USAGE
        assert "0x20003000 is not in alternate 0; give --length" in capsys.readouterr().err

    def test_memory_without_a_layout(
        self, make_bench: MakeBench, f405: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(replace(f405, alternates=("nothing",)))
        assert bench.run("read", tmp_path / "out.bin") == ExitCode.USAGE
        assert "alternate 0 has no memory layout" in capsys.readouterr().err
        options = ["--address", FLASH, "--length", 8]
        assert bench.run("read", tmp_path / "out.bin", *options) == ExitCode.OK


class TestWrite:
    @pytest.mark.parametrize("name", ["a.hex", "a.s19", "a.dfu", "a.bin"])
    def test_every_format(self, f405_bench: Bench, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        image = bincopy.BinFile()
        image.add_binary(CODE, FLASH + 4)
        options = []
        match name:
            case "a.hex":
                path.write_text(image.as_ihex())
            case "a.s19":
                path.write_text(image.as_srec())
            case "a.dfu":
                dfuse(path, Target(0, (Element(FLASH + 4, CODE),)))
            case _:
                path.write_bytes(CODE)
                options = ["--address", "0x08000004"]
        assert f405_bench.run("write", path, *options) == ExitCode.OK
        assert f405_bench.flash[: len(CODE) + 8] == b"\xff" * 4 + CODE + b"\xff" * 4

    def test_says_what_it_did(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        f405_bench.run("write", code, "--address", FLASH)
        assert capsys.readouterr().err == "dfu-host: wrote 2750 bytes and verified them\n"
        f405_bench.run("write", code, "--address", FLASH, "--no-verify")
        assert capsys.readouterr().err == "dfu-host: wrote 2750 bytes\n"

    def test_claims_no_verification_of_what_cannot_be_read(
        self, make_bench: MakeBench, f405: Profile, code: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(replace(f405, alternates=("@Internal Flash  /0x08000000/04*016Kf",)))
        assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
        assert capsys.readouterr().err == "dfu-host: wrote 2750 bytes\n"

    def test_leaves_the_device_idle(self, f405_bench: Bench, code: Path) -> None:
        f405_bench.run("write", code, "--address", FLASH, "--no-verify")
        assert f405_bench.state.label == "dfuIDLE"

    @pytest.mark.parametrize(
        ("option", "kept"), [([], b"\xff" * 4), (["--mass-erase"], b"\xff" * 4), (["--no-erase"], b"keep")]
    )
    def test_erasing(self, f405_bench: Bench, tmp_path: Path, option: list[str], kept: bytes) -> None:
        (tmp_path / "old.bin").write_bytes(b"keep")
        for address in (FLASH + 64, FLASH + SECTOR):
            f405_bench.run("write", tmp_path / "old.bin", "--address", address)
        f405_bench.transfers.clear()
        assert f405_bench.run("write", tmp_path / "old.bin", "--address", FLASH, *option) == ExitCode.OK
        assert f405_bench.flash[:68] == b"keep" + b"\xff" * 60 + kept
        assert f405_bench.flash[SECTOR : SECTOR + 4] == (
            b"\xff" * 4 if option == ["--mass-erase"] else b"keep"
        )

    @pytest.mark.parametrize(
        ("option", "sizes"), [([], [32]), (["--align", "4"], [4]), (["--align", "1"], [3])]
    )
    def test_padding(self, f405_bench: Bench, tmp_path: Path, option: list[str], sizes: list[int]) -> None:
        (tmp_path / "odd.bin").write_bytes(b"odd")
        code = f405_bench.run("write", tmp_path / "odd.bin", "--address", FLASH, *option)
        written = [t.setup.wLength for t in f405_bench.requests(Request.DNLOAD) if t.setup.wValue >= 2]
        assert written == sizes
        assert code == (ExitCode.DEVICE if sizes == [3] else ExitCode.OK)

    @pytest.mark.parametrize(("option", "code"), [([], ExitCode.OK), (["--align", "8"], ExitCode.DEVICE)])
    def test_no_flash_word_is_written_twice(
        self, make_bench: MakeBench, tmp_path: Path, option: list[str], code: ExitCode
    ) -> None:
        """Where ECC covers 32 bytes, a second write into them is refused: these two share them."""
        image = bincopy.BinFile()
        for offset in (0, 20):
            image.add_binary(b"part", FLASH + offset)
        (tmp_path / "parts.hex").write_text(image.as_ihex())
        bench = make_bench(load("stm32h743"))
        assert bench.run("write", tmp_path / "parts.hex", *option) == code
        if code is ExitCode.OK:
            assert bench.flash[:32] == b"part" + b"\xff" * 16 + b"part" + b"\xff" * 8

    @pytest.mark.parametrize("address", [0x080FFFF8, 0x1FFFC000, 0x20003000])
    def test_outside_the_memory_touches_nothing(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str], address: int
    ) -> None:
        assert f405_bench.run("write", code, "--address", address, "--mass-erase") == ExitCode.FILE
        message = capsys.readouterr().err
        assert "is outside the writable memory of alternate 0 (Internal Flash)" in message
        assert "0x08000000..0x080fffff" in message
        assert f405_bench.requests(Request.DNLOAD) == []

    def test_one_bad_target_stops_all(self, f405_bench: Bench, tmp_path: Path) -> None:
        file = dfuse(
            tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)), Target(1, (Element(FLASH, CODE),))
        )
        assert f405_bench.run("write", file) == ExitCode.FILE
        assert f405_bench.requests(Request.DNLOAD) == []

    def test_verify_mismatch(
        self, f405_bench: Bench, code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "zeros.bin").write_bytes(bytes(64))
        f405_bench.run("write", tmp_path / "zeros.bin", "--address", FLASH)
        assert f405_bench.run("write", code, "--address", FLASH, "--no-erase") == ExitCode.VERIFY
        assert "verification failed at 0x08000001: expected 01 02" in capsys.readouterr().err

    def test_leave(self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = dfuse(
            tmp_path / "a.dfu",
            Target(0, (Element(FLASH + SECTOR, CODE), Element(FLASH + 64, CODE))),
            Target(2, (Element(OTP, b"1234"),)),
        )
        assert f405_bench.run("write", file, "--leave") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, FLASH + 64)]
        assert "told the device to start the application at 0x08000040" in capsys.readouterr().err

    def test_targets_go_to_their_alternates(self, f405_bench: Bench, tmp_path: Path) -> None:
        file = dfuse(
            tmp_path / "a.dfu",
            Target(2, (Element(OTP, b"1234"),)),
            Target(0, (Element(FLASH, b"5678"),)),
            Target(0, (Element(FLASH + SECTOR, b"9abc"),)),
        )
        assert f405_bench.run("write", file) == ExitCode.OK
        assert f405_bench.flash[:4] + f405_bench.flash[SECTOR : SECTOR + 4] == b"56789abc"
        assert f405_bench.commands(Erase) == [Erase(FLASH), Erase(FLASH + SECTOR)]
        with f405_bench.session() as session:
            assert b"".join(session.read(OTP, 4)) == b"1234"

    @pytest.mark.parametrize(
        ("suffix", "exit_code"),
        [
            (Suffix(0x0483, 0xDF11), ExitCode.OK),
            (Suffix(0xFFFF, 0xFFFF), ExitCode.OK),
            (Suffix(0x0483, 0xDF12), ExitCode.FILE),
            (Suffix(0x1D50, 0xFFFF), ExitCode.FILE),
        ],
    )
    def test_file_for_a_device(
        self, f405_bench: Bench, tmp_path: Path, suffix: Suffix, exit_code: ExitCode
    ) -> None:
        file = dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)), suffix=suffix)
        assert f405_bench.run("write", file) == exit_code

    def test_alt_and_targets_do_not_mix(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)))
        assert f405_bench.run("write", file, "--alt", "0") == ExitCode.USAGE
        assert "leave out --alt" in capsys.readouterr().err

    def test_target_that_the_device_lacks(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = dfuse(tmp_path / "a.dfu", Target(7, (Element(FLASH, CODE),)))
        assert f405_bench.run("write", file) == ExitCode.FILE
        assert "does not fit the device: no alternate setting is called '7'" in capsys.readouterr().err

    def test_alternate_that_the_device_lacks(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert f405_bench.run("write", code, "--address", FLASH, "--alt", "7") == ExitCode.USAGE
        assert "no alternate setting is called '7'" in capsys.readouterr().err

    def test_damaged_file(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)))
        file.write_bytes(file.read_bytes().replace(b"\x01\x02", b"\x02\x01", 1))
        assert f405_bench.run("write", file) == ExitCode.FILE
        assert "a.dfu: the file is damaged" in capsys.readouterr().err
        assert f405_bench.transfers == []

    def test_option_bytes(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "options.bin").write_bytes(PROTECTED)
        arguments = ["write", tmp_path / "options.bin", "--alt", "option", "--address", OPTION_BYTES]
        assert f405_bench.run(*arguments, "--will-reset", "--leave") == ExitCode.OK
        assert capsys.readouterr().err == (
            "dfu-host: wrote 16 bytes\n"
            "dfu-host: the device has reset, as it does when its option bytes are written\n"
        )
        assert [reason for reason, _ in f405_bench.departures] == [Reason.OPTION_BYTES]
        assert f405_bench.run("read", tmp_path / "out.bin") == ExitCode.DEVICE

    def test_option_bytes_without_expecting_a_reset(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "options.bin").write_bytes(FACTORY)
        arguments = ["write", tmp_path / "options.bin", "--alt", "1", "--address", OPTION_BYTES]
        assert f405_bench.run(*arguments) == ExitCode.DEVICE
        assert "--will-reset" in capsys.readouterr().err

    def test_transfer_size_of_other_chips(self, make_bench: MakeBench, f405: Profile, code: Path) -> None:
        bench = make_bench(variant(f405, "dfu", wTransferSize=1024))
        assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
        assert bench.flash[: len(CODE)] == CODE


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

    def test_mass(self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
        f405_bench.run("write", code, "--address", 0x08020000)
        assert f405_bench.run("erase", "--mass") == ExitCode.OK
        assert "may take half a minute" in capsys.readouterr().err
        assert set(f405_bench.flash) == {0xFF}

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
                "0x1fffc000 is not in erasable memory, which is none",
            ),
            (["--mass", "--length", "4K"], "--address is missing"),
        ],
    )
    def test_refusals(
        self, f405_bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        assert f405_bench.run("erase", *arguments) == ExitCode.USAGE
        assert message in capsys.readouterr().err
        assert f405_bench.requests(Request.DNLOAD) == []


class TestLeave:
    def test_at_the_pointer(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert f405_bench.run("leave") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, FLASH)]
        assert capsys.readouterr().err == "dfu-host: told the device to start the application\n"

    def test_at_an_address(self, f405_bench: Bench) -> None:
        assert f405_bench.run("leave", "--address", "0x08008000") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, 0x08008000)]


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
        assert capsys.readouterr().err == "dfu-host: interrupted\n"
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
        "assert main(['list'], backend=Empty()) == 3\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted({'bincopy', 'elftools', 'rich', 'dfu_emulator'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_last_byte_of_a_memory_can_be_read_alone(f405_bench: Bench, tmp_path: Path) -> None:
    """The ROM sends two bytes at least, and there is no second one."""
    out = tmp_path / "last.bin"
    assert f405_bench.run("read", out, "--address", "0x080FFFFF", "--length", "1") == ExitCode.OK
    assert out.read_bytes() == b"\xff"
