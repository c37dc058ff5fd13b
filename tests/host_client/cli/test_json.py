"""``--json`` and ``--verbose``: what programs are told, and who looks over the host's shoulder."""

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest
import usb.core

from dfu_emulator.transports.inprocess import Backend
from dfu_host.cli import COMMANDS, main
from dfu_host.errors import ExitCode
from dfu_protocol import FIRST_DATA_BLOCK, Request
from dfu_protocol.control import CLASS, CLASS_OUT
from host_client.bench import FLASH, Bench, MakeBench
from host_client.cli.samples import CODE

Captured = pytest.CaptureFixture[str]


def document(capsys: Captured) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_list(f405_bench: Bench, capsys: Captured) -> None:
    assert f405_bench.run("list", "--json") == ExitCode.OK
    found = document(capsys)
    (device,) = found["devices"]
    assert (device["idVendor"], device["idProduct"], device["path"]) == (0x0483, 0xDF11, "1-1")
    assert device["functional"]["wTransferSize"] == 2048
    assert device["memories"][0]["segments"][0] == {
        "address": FLASH,
        "pages": 4,
        "page_size": 16384,
        "access": ["read", "erase", "write"],
    }
    assert (found["command"], found["exit_code"]) == ("list", 0)


def test_info(f405_bench: Bench, capsys: Captured) -> None:
    assert f405_bench.run("info", "--json") == ExitCode.OK
    found = document(capsys)
    assert (found["state"], found["status"]) == ("dfuERROR", "errFIRMWARE")
    assert found["commands"] == [0x00, 0x21, 0x41, 0x92]


def test_events_of_a_write(f405_bench: Bench, code: Path, capsys: Captured) -> None:
    assert f405_bench.run("write", code, "--address", FLASH, "--json") == ExitCode.OK
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "command": "write",
        "bytes": len(CODE),
        "written": len(CODE),
        "erased": 16384,
        "verified": True,
        "missing": [],
        "resets": False,
        "left": False,
        "exit_code": 0,
    }
    events = [json.loads(line) for line in shown.err.splitlines()]
    stages: dict[str, list[int]] = {}
    for event in events[:-1]:
        assert event["event"] == "progress"
        stages.setdefault(event["stage"], []).append(event["done"])
    assert stages == {
        "comparing": list(range(0, 8 * 2048, 2048)),
        "erasing": [0, 16384],
        "writing": [0, 2048, 2752],
        "verifying": [0, 2048, 2750],
    }
    assert events[-1] == {"event": "message", "text": "wrote 2750 bytes and verified them"}


def test_read_to_a_file(f405_bench: Bench, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "a.bin"
    assert f405_bench.run("read", out, "--length", "1K", "--json") == ExitCode.OK
    found = document(capsys)
    assert (found["file"], found["format"], found["address"], found["length"]) == (
        str(out),
        "raw",
        FLASH,
        1024,
    )
    assert f405_bench.run("read", "-", "--json") == ExitCode.USAGE


def test_refusal(make_bench: MakeBench, tmp_path: Path, capsys: Captured) -> None:
    assert make_bench(rdp=1).run("read", tmp_path / "a.bin", "--json") == ExitCode.DEVICE
    found = document(capsys)
    assert found["exit_code"] == ExitCode.DEVICE
    error = found["error"]
    assert error["kind"] == "read-protected"
    assert (error["request"], error["state"], error["status"]) == ("DFU_DNLOAD", "dfuERROR", "errVENDOR")
    assert "read protected" in error["message"]


def test_failed_verification(f405_bench: Bench, code: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "zeros.bin").write_bytes(bytes(64))
    f405_bench.run("write", tmp_path / "zeros.bin", "--address", FLASH)
    capsys.readouterr()
    assert f405_bench.run("write", code, "--address", FLASH, "--no-erase", "--json") == ExitCode.VERIFY
    error = document(capsys)["error"]
    assert (error["kind"], error["address"], error["expected"][:4]) == ("verify", FLASH + 1, "0102")


def test_interruption(f405_bench: Bench, code: Path, capsys: Captured) -> None:
    f405_bench.backend = Interrupting(f405_bench.port)
    assert f405_bench.run("write", code, "--address", FLASH, "--json") == ExitCode.INTERRUPTED
    error = document(capsys)["error"]
    assert error["kind"] == "interrupted"
    assert error["message"].startswith("interrupted while writing, after 0 of ")
    assert error["remains"] == {
        "written": [],
        "erased": [{"address": FLASH + 2048, "end": FLASH + 16384}],
        "doubtful": [{"address": FLASH, "end": FLASH + 2048}],
    }


def test_no_device(capsys: Captured) -> None:
    assert main(["info", "--json"], backend=Backend()) == ExitCode.NO_DEVICE
    assert document(capsys)["error"]["kind"] == "no-device"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("options", "otp")])
def test_every_command_has_the_flags(command: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == ExitCode.OK
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert ("--verbose" in shown) is (command not in ("convert", "udev-rule"))


class Interrupting(Backend):
    """Ctrl-C before the first block is sent."""

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        if (bmRequestType, bRequest, wValue) == (CLASS_OUT, Request.DNLOAD, FIRST_DATA_BLOCK):
            raise KeyboardInterrupt
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


class Stalling(Backend):
    """Stalls every DFU_GETSTATUS."""

    def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
        if bmRequestType == 0xA1 and bRequest == Request.GETSTATUS:
            raise usb.core.USBError("Pipe error", errno=errno.EPIPE)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)


class TestVerbose:
    def test_shows_each_request(self, f405_bench: Bench, code: Path, capsys: Captured) -> None:
        assert f405_bench.run("write", code, "--address", FLASH, "-v") == ExitCode.OK
        lines = capsys.readouterr().err.splitlines()
        beginnings = [line.rpartition(":")[0] for line in lines]
        for expected in (
            "dfu-host: DFU_GETSTATE wValue 0x0000 wIndex 0 wLength 1, < 0a, dfuERROR",
            "dfu-host: DFU_DNLOAD wValue 0x0000 wIndex 0 wLength 5, > 41 00 00 00 08",
            "dfu-host: DFU_GETSTATUS wValue 0x0000 wIndex 0 wLength 6, < 00 00 00 00 05 00,"
            " dfuDNLOAD-IDLE OK poll after 0 ms",
            "dfu-host: DFU_DNLOAD wValue 0x0002 wIndex 0 wLength 2048,"
            " > 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f ... (2048 bytes)",
            "dfu-host: SET_INTERFACE wValue 0x0000 wIndex 0 wLength 0",
        ):
            assert expected in beginnings
        asked = [line for line in lines if line.startswith("dfu-host: DFU_")]
        assert len(asked) == len([t for t in f405_bench.transfers if t.setup.type == CLASS])

    def test_shows_stalls(self, f405_bench: Bench, capsys: Captured) -> None:
        f405_bench.backend = Stalling(f405_bench.port)
        assert f405_bench.run("info", "-v") == ExitCode.DEVICE
        assert re.search(r"DFU_GETSTATUS .* wLength 6: stalled, \d", capsys.readouterr().err)

    def test_as_events(self, f405_bench: Bench, capsys: Captured) -> None:
        assert f405_bench.run("leave", "-v", "--json") == ExitCode.OK
        events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        requests = [event for event in events if event.get("request", "").startswith("DFU_")]
        seen = [Request(t.setup.bRequest).label for t in f405_bench.transfers if t.setup.type == CLASS]
        # The last one asks whether it is still there, which it is not.
        assert [event["request"] for event in requests] == [*seen, "DFU_GETSTATE"]
        assert "No such device" in requests[-1]["outcome"]
        (leave,) = [event for event in requests if event["request"] == "DFU_DNLOAD"]
        assert (leave["wValue"], leave["wLength"], leave["outcome"]) == (2, 0, "OK")
