"""``reset`` and ``wait``, and how commands choose a device."""

import errno
import json
from collections.abc import Iterator
from typing import Any

import pytest
import usb.core

from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import main
from dfu_host.errors import ExitCode
from dfu_protocol import Request, State
from host_client.bench import Bench, MakeBench


class Late(Backend):
    """Its devices are on the bus from the ``looks``-th look on, or until then."""

    looks = 3
    gone = False

    def enumerate_devices(self) -> Iterator[Any]:
        self.looks -= 1
        return super().enumerate_devices() if (self.looks > 0) is self.gone else iter(())


class Locked(Backend):
    """A device that may not be opened until udev has had some tries."""

    tries = 3

    def open_device(self, dev: Any) -> Any:
        self.tries -= 1
        if self.tries >= 0:
            raise usb.core.USBError("Access denied (insufficient permissions)", errno=errno.EACCES)
        return super().open_device(dev)


class TestWait:
    def test_until_it_is_there(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Late(f405_bench.port)
        assert main(["wait"], backend=backend) == ExitCode.OK
        assert backend.looks == 0
        assert capsys.readouterr().out.startswith("0483:df11  path 1-1  serial ")

    def test_until_it_is_gone(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Late(f405_bench.port)
        backend.gone = True
        assert main(["wait", "--gone"], backend=backend) == ExitCode.OK
        assert backend.looks == 0
        assert capsys.readouterr().out == ""

    def test_until_it_may_be_opened(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Locked(f405_bench.port)
        assert main(["wait"], backend=backend) == ExitCode.OK
        assert backend.tries == -1
        assert "serial unknown" not in capsys.readouterr().out

    def test_but_not_for_ever_for_that(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Locked(f405_bench.port)
        backend.tries = 1_000_000
        assert main(["wait"], backend=backend) == ExitCode.OK
        assert "serial unknown" in capsys.readouterr().out

    def test_not_for_ever(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["wait", "--timeout", "0.2"], backend=Backend()) == ExitCode.NO_DEVICE
        assert "no device has appeared after 0.2 s" in capsys.readouterr().err
        assert f405_bench.run("wait", "--gone", "--timeout", "0", "--json") == ExitCode.DEVICE
        error = json.loads(capsys.readouterr().out)["error"]
        assert error == {"kind": "still-there", "message": "a device is still there after 0 s"}

    def test_for_a_certain_one(self, f405_bench: Bench) -> None:
        assert f405_bench.run("wait", "--serial", "OTHER", "--timeout", "0") == ExitCode.NO_DEVICE
        assert f405_bench.run("wait", "--serial", "OTHER", "--gone") == ExitCode.OK


class TestReset:
    def test_forgets_what_it_was_doing(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        f405_bench.send(Request.CLRSTATUS)
        f405_bench.send(Request.DNLOAD, data=b"\x41")
        assert f405_bench.state is State.DNLOAD_SYNC
        assert f405_bench.run("reset") == ExitCode.OK
        assert f405_bench.state is not State.DNLOAD_SYNC
        assert capsys.readouterr().err == "dfu-host: the device's USB port has been reset\n"
        assert f405_bench.run("info") == ExitCode.OK


class TestNumber:
    def test_is_that_of_list(self, make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
        backend = Backend(make_bench(serial="ONE").port, make_bench(serial="TWO").port)
        assert main(["info", "-n", "2"], backend=backend) == ExitCode.OK
        assert "serial TWO" in capsys.readouterr().out
        assert main(["info", "-n", "1"], backend=backend) == ExitCode.OK
        assert "serial ONE" in capsys.readouterr().out
        assert main(["info", "-n", "1", "--serial", "TWO"], backend=backend) == ExitCode.OK
        assert "serial TWO" in capsys.readouterr().out

    def test_may_be_too_high(self, f405_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        assert f405_bench.run("info", "-n", "2") == ExitCode.NO_DEVICE
        assert "there is no device 2: 'dfu-host list' shows 1" in capsys.readouterr().err


def test_unprotect(make_bench: MakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    bench = make_bench(rdp=1)
    assert bench.run("unprotect") == ExitCode.USAGE
    assert "--yes" in capsys.readouterr().err
    assert bench.transfers == []
    assert bench.run("unprotect", "--yes") == ExitCode.OK
    assert bench.port.device.bootloader.chip.option_bytes.rdp_level == 0
