"""Files of every format through chips of several families: there, compared, and back."""

from pathlib import Path
from random import Random

import pytest

from dfu_emulator.profile import load as load_profile
from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_host.firmware import load
from dfu_protocol.firmware_file import Element
from host_client.bench import FLASH, Bench, MakeBench
from host_client.firmware.samples import elf

CHIPS = [
    "stm32f072",
    "stm32f107",
    "stm32f405",
    "stm32f767",
    "stm32g431",  # wTransferSize is 1024
    "stm32h743",  # flash words of 32 bytes
    "stm32l083",  # erased flash is 0x00
    "stm32l476",
    "stm32u585",
    "stm32c562",
    "stm32wb55",
]
CODE = Random(6).randbytes(9_001)


@pytest.fixture(params=CHIPS)
def bench(make_bench: MakeBench, request: pytest.FixtureRequest) -> Bench:
    return make_bench(load_profile(request.param))


@pytest.fixture
def application(tmp_path: Path) -> Path:
    path = tmp_path / "application"
    path.write_bytes(elf((Element(FLASH, CODE[:3_333]), Element(FLASH + 3_400, CODE[3_400:]))))
    return path


@pytest.mark.parametrize("name", ["a.hex", "a.dfu"])
def test_there_and_back(bench: Bench, application: Path, tmp_path: Path, name: str) -> None:
    file, back = tmp_path / name, tmp_path / f"back-{name}"
    assert main(["convert", str(application), str(file)]) == ExitCode.OK
    assert bench.run("write", file) == ExitCode.OK
    assert bench.run("verify", application) == ExitCode.OK
    assert bench.run("read", back, "--length", len(CODE)) == ExitCode.OK
    ((element,),) = [image.elements for image in load(back).images]
    assert element.address == FLASH
    assert element.data[:3_333] + element.data[3_400:] == CODE[:3_333] + CODE[3_400:]
    assert bench.run("verify", back) == ExitCode.OK
    assert bench.run("erase", "--address", FLASH, "--length", len(CODE)) == ExitCode.OK
    assert bench.run("verify", back) == ExitCode.VERIFY


def test_option_bytes(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    shown = any("Option" in text for text in bench.port.device.profile.alternates)
    assert bench.run("options", "show") == (ExitCode.OK if shown else ExitCode.USAGE)
    if shown:
        assert "write protection  no" in capsys.readouterr().out
