"""``write``: files in, memory out."""

import re
from pathlib import Path

import bincopy
import pytest
from msgspec.structs import replace

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import Profile, load
from dfu_host.errors import ExitCode
from dfu_protocol import Erase, MassErase, Request
from dfu_protocol.firmware_file import Element, Suffix, Target
from emulator.host import variant
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench
from host_client.cli.samples import CODE, FACTORY, PROTECTED, SECTOR, dfuse


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

    def test_a_mass_erase_is_for_flash(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "options.bin").write_bytes(FACTORY)
        arguments = ["write", tmp_path / "options.bin", "--address", OPTION_BYTES, "--alt", 1]
        assert f405_bench.run(*arguments, "--yes", "--mass-erase") == ExitCode.USAGE
        assert "none of the data goes there" in capsys.readouterr().err
        assert not f405_bench.commands(MassErase)

    @pytest.mark.parametrize(
        ("option", "kept"),
        [(["--no-preserve"], b"\xff" * 4), (["--mass-erase"], b"\xff" * 4), (["--no-erase"], b"keep")],
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
        assert set(written) == set(sizes)
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

    @pytest.mark.parametrize("address", [0x080FFFF8, 0x20003000])
    def test_outside_the_memory_touches_nothing(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str], address: int
    ) -> None:
        assert f405_bench.run("write", code, "--address", address, "--mass-erase") == ExitCode.DATA
        message = capsys.readouterr().err
        assert "is outside the writable memory of alternate 0 (Internal Flash)" in message
        assert "0x08000000..0x080fffff" in message
        assert f405_bench.requests(Request.DNLOAD) == []

    @pytest.mark.parametrize(
        ("address", "remedy"), [(OPTION_BYTES, "dfu-host options write"), (OTP, "dfu-host otp write")]
    )
    def test_delicate_memory_must_be_meant(
        self, f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str], address: int, remedy: str
    ) -> None:
        assert f405_bench.run("write", code, "--address", address) == ExitCode.DATA
        assert remedy in capsys.readouterr().err
        assert f405_bench.requests(Request.DNLOAD) == []

    def test_memory_is_found_by_address(self, make_bench: MakeBench, tmp_path: Path) -> None:
        bench = make_bench(load("stm32l083"))
        (tmp_path / "eeprom.bin").write_bytes(b"data")
        assert bench.run("write", tmp_path / "eeprom.bin", "--address", 0x08080000) == ExitCode.OK
        assert bench.run("read", tmp_path / "back", "--address", 0x08080000, "--length", 4) == ExitCode.OK
        assert (tmp_path / "back").read_bytes() == b"data"

    def test_one_bad_target_stops_all(self, f405_bench: Bench, tmp_path: Path) -> None:
        file = dfuse(
            tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)), Target(1, (Element(FLASH, CODE),))
        )
        assert f405_bench.run("write", file) == ExitCode.DATA
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
        assert f405_bench.run("write", file, "--yes", "--leave") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, FLASH + 64)]
        assert "told the device to start the application at 0x08000040" in capsys.readouterr().err

    def test_targets_go_to_their_alternates(self, f405_bench: Bench, tmp_path: Path) -> None:
        file = dfuse(
            tmp_path / "a.dfu",
            Target(2, (Element(OTP, b"1234"),)),
            Target(0, (Element(FLASH, b"5678"),)),
            Target(0, (Element(FLASH + SECTOR, b"9abc"),)),
        )
        assert f405_bench.run("write", file, "--yes") == ExitCode.OK
        assert f405_bench.flash[:4] + f405_bench.flash[SECTOR : SECTOR + 4] == b"56789abc"
        assert f405_bench.commands(Erase) == [Erase(FLASH), Erase(FLASH + SECTOR)]
        with f405_bench.session() as session:
            assert b"".join(session.read(OTP, 4)) == b"1234"

    @pytest.mark.parametrize(
        ("suffix", "message"),
        [
            (Suffix(0x0483, 0xDF11), None),
            (Suffix(0xFFFF, 0xFFFF), None),
            (Suffix(bcdDevice=0x2200), None),
            (Suffix(bcdDevice=0x0000), None),
            (Suffix(0x0483, 0xDF12), "the file is for 0483:df12, the device is 0483:df11"),
            (Suffix(0x1D50, 0xFFFF), "the file is for 1d50:ffff, the device is 0483:df11"),
            (Suffix(bcdDevice=0x2100), "for devices of release 2100 .*, this one has 2200"),
        ],
    )
    def test_file_for_a_device(
        self,
        f405_bench: Bench,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        suffix: Suffix,
        message: str | None,
    ) -> None:
        file = dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),)), suffix=suffix)
        if message:
            assert f405_bench.run("write", file) == ExitCode.DATA
            assert re.search(message, capsys.readouterr().err)
            assert f405_bench.requests(Request.DNLOAD) == []
        assert f405_bench.run("write", file, *["--any-device"] * bool(message)) == ExitCode.OK

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
        assert f405_bench.run("write", file) == ExitCode.DATA
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
        assert f405_bench.run("write", file) == ExitCode.DATA
        assert "a.dfu: the file is damaged" in capsys.readouterr().err
        assert f405_bench.transfers == []

    def test_option_bytes(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "options.bin").write_bytes(PROTECTED)
        arguments = ["write", tmp_path / "options.bin", "--alt", "option", "--address", OPTION_BYTES, "--yes"]
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
        arguments = ["write", tmp_path / "options.bin", "--alt", "1", "--address", OPTION_BYTES, "--yes"]
        assert f405_bench.run(*arguments) == ExitCode.DEVICE
        assert "--will-reset" in capsys.readouterr().err

    def test_transfer_size_of_other_chips(self, make_bench: MakeBench, f405: Profile, code: Path) -> None:
        bench = make_bench(variant(f405, "dfu", wTransferSize=1024))
        assert bench.run("write", code, "--address", FLASH) == ExitCode.OK
        assert bench.flash[: len(CODE)] == CODE
