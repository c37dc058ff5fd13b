"""``verify``: what differs, and that nothing is changed."""

import json
from pathlib import Path

import bincopy
import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_host.errors import ExitCode
from dfu_protocol import Request
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench
from host_client.cli.samples import CODE, FACTORY, SECTOR, dfuse


def test_same(f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    f405_bench.run("write", code, "--address", FLASH, "--no-verify")
    capsys.readouterr()
    before = f405_bench.flash
    f405_bench.transfers.clear()
    assert f405_bench.run("verify", code, "--address", FLASH) == ExitCode.OK
    assert capsys.readouterr().err == "dfu-host: all 2750 bytes are as in the file\n"
    assert [t for t in f405_bench.requests(Request.DNLOAD) if t.setup.wValue >= 2] == []
    assert f405_bench.flash == before


def test_different(f405_bench: Bench, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    f405_bench.run("write", code, "--address", FLASH)
    changed = bytearray(CODE)
    for at in (3, 2100, 2749):
        changed[at] ^= 0x80
    code.write_bytes(changed)
    capsys.readouterr()
    assert f405_bench.run("verify", code, "--address", FLASH) == ExitCode.VERIFY
    assert capsys.readouterr().err.startswith(
        "dfu-host: 3 of 2750 bytes differ, the first at 0x08000003: the file has 83 04 05"
    )
    assert f405_bench.run("verify", code, "--address", FLASH, "--json") == ExitCode.VERIFY
    document = json.loads(capsys.readouterr().out)
    assert (document["bytes"], document["differing"], document["address"]) == (2750, 3, FLASH + 3)
    assert (document["expected"][:4], document["found"][:4]) == ("8304", "0304")
    assert document["exit_code"] == ExitCode.VERIFY
    error = document["error"]
    assert error["kind"] == "verify"
    assert error["message"].startswith("3 of 2750 bytes differ, the first at 0x08000003")
    assert all(error[key] == document[key] for key in ("address", "expected", "found"))


def test_a_transfer_that_goes_wrong_is_no_difference(
    make_bench: MakeBench, f405: Profile, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    when = When(request=Requests.of(Request.UPLOAD), nth=2)
    bench = make_bench(f405, scenario=Scenario(faults=(Fault(do=Do.CORRUPT, when=when, bits=3),)))
    flash = bench.port.device.bootloader.chip.flash
    flash.disturb(FLASH, CODE)
    assert bench.run("verify", code, "--address", FLASH) == ExitCode.OK
    flash.disturb(FLASH + 2100, bytes([CODE[2100] ^ 1]))
    assert bench.run("verify", code, "--address", FLASH) == ExitCode.VERIFY
    assert "1 of 2750 bytes differ, the first at 0x08000834" in capsys.readouterr().err


def test_several_memories(f405_bench: Bench, tmp_path: Path) -> None:
    f405_bench.run("write", dfuse(tmp_path / "a.dfu", Target(0, (Element(FLASH, CODE),))))
    file = dfuse(
        tmp_path / "b.dfu",
        Target(1, (Element(OPTION_BYTES, FACTORY),)),
        Target(0, (Element(FLASH, CODE), Element(FLASH + SECTOR, b"\xff\xff"))),
    )
    assert f405_bench.run("verify", file) == ExitCode.OK


@pytest.mark.parametrize(("address", "data"), [(OPTION_BYTES, FACTORY), (OTP, b"\xff" * 16)])
def test_delicate_memory_is_compared_like_any(
    f405_bench: Bench, code: Path, address: int, data: bytes
) -> None:
    code.write_bytes(data)
    assert f405_bench.run("verify", code, "--address", address) == ExitCode.OK
    code.write_bytes(b"\x00" + data[1:])
    assert f405_bench.run("verify", code, "--address", address) == ExitCode.VERIFY


def test_hex(f405_bench: Bench, code: Path, tmp_path: Path) -> None:
    f405_bench.run("write", code, "--address", FLASH)
    image = bincopy.BinFile()
    image.add_binary(CODE[:100], FLASH)
    image.add_binary(CODE[1000:1100], FLASH + 1000)
    (tmp_path / "a.hex").write_text(image.as_ihex())
    assert f405_bench.run("verify", tmp_path / "a.hex") == ExitCode.OK


def test_protected_chip(make_bench: MakeBench, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_bench(rdp=1).run("verify", code, "--address", FLASH) == ExitCode.DEVICE
    assert "read protected" in capsys.readouterr().err
