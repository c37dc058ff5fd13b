"""``leave``."""

import pytest

from dfu_emulator.bootloader import Reason
from dfu_host.errors import ExitCode
from host_client.bench import FLASH, Bench


class TestLeave:
    def test_at_the_pointer(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert f405_bench.run("leave") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, FLASH)]
        assert capsys.readouterr().err == "dfu-host: told the device to start the application\n"

    def test_at_an_address(self, f405_bench: Bench) -> None:
        assert f405_bench.run("leave", "--address", "0x08008000") == ExitCode.OK
        assert f405_bench.departures == [(Reason.LEAVE, 0x08008000)]
