"""``read``: which bytes, and where they go."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dfu_emulator.profile import Profile
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_emulator.scenario.scalars import Times
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import CODE, FACTORY


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
        assert f405_bench.run("read", out, "--alt", "1") == ExitCode.CANNOT_CREATE
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
        assert "dfu-host unprotect --yes" in message
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


def wrong_uploads(**when: Any) -> Scenario:
    fault = Fault(do=Do.CORRUPT, when=When(request=Requests.of(Request.UPLOAD), **when), bits=3)
    return Scenario(faults=(fault,))


class TestVerify:
    def test_a_part_that_was_read_wrong_is_read_again(
        self, make_bench: MakeBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        image = random.Random(5).randbytes(40_000)
        bench = make_bench(scenario=wrong_uploads(nth=3))
        bench.port.device.bootloader.chip.flash.disturb(FLASH, image)
        flags = ["--address", FLASH, "--length", len(image), "--verify"]
        assert bench.run("read", tmp_path / "a.bin", *flags, "--json") == ExitCode.OK
        shown = capsys.readouterr()
        assert json.loads(shown.out)["verified"]
        assert '"text": "read 40000 bytes from 0x08000000 on, twice the same"' in shown.err
        assert (tmp_path / "a.bin").read_bytes() == image
        assert len(bench.requests(Request.UPLOAD)) == 20 + 20 + 1

    def test_gives_up_where_no_two_are_the_same(
        self, make_bench: MakeBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = make_bench(scenario=wrong_uploads(times=Times(1000)))
        out = tmp_path / "a.bin"
        assert bench.run("read", out, "--length", "20K", "--verify") == ExitCode.DEVICE
        assert "2048 bytes at 0x08000000 read differently each time" in capsys.readouterr().err
        assert not out.exists()


def test_the_last_byte_of_a_memory_can_be_read_alone(f405_bench: Bench, tmp_path: Path) -> None:
    """The ROM sends two bytes at least, and there is no second one."""
    out = tmp_path / "last.bin"
    assert f405_bench.run("read", out, "--address", "0x080FFFFF", "--length", "1") == ExitCode.OK
    assert out.read_bytes() == b"\xff"
