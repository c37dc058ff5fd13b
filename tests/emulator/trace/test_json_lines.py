"""``--trace-json``: what each kind of occurrence has."""

from functools import partial
from typing import Any

import msgspec
import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.trace import JsonWriter
from dfu_protocol import Request, SetupPacket
from emulator.host import CONFIGURE, FLASH, OPTION_BYTES, TRANSFER_SIZE, Host, Plug, variant
from emulator.trace.conftest import File


def lines(file: File) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.content.splitlines()]


@pytest.fixture
def watched(plug: Plug, file: File) -> Host:
    """A device in dfuIDLE that is watched from then on."""
    host = plug().idle()
    host.port.watch(JsonWriter(file.open()))
    return host


def test_a_transfer(watched: Host, file: File) -> None:
    watched.dnload(0, b"\x21\x00\x40\x00\x08")
    assert lines(file) == [
        {
            "time": 0.0,
            "chip": 1,
            "event": "transfer",
            "setup": {"bmRequestType": 0x21, "bRequest": 1, "wValue": 0, "wIndex": 0, "wLength": 5},
            "direction": "out",
            "type": "class",
            "recipient": "interface",
            "request": "DFU_DNLOAD",
            "data": "2100400008",
            "result": "ok",
            "before": "dfuIDLE",
            "after": "dfuDNLOAD-SYNC",
            "status": "OK",
            "address_pointer": FLASH,
            "block": 0,
            "command": "set address pointer",
            "address": 0x08004000,
        }
    ]


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b"\x00", {"command": "get"}),
        (b"\x41", {"command": "mass erase"}),
        (b"\x41\x00\x40\x00\x08", {"command": "erase", "address": 0x08004000}),
        (b"\x92", {"command": "read unprotect"}),
        (b"\x55\xaa", {"command": "unknown"}),
        (b"", {"command": "leave"}),
    ],
)
def test_commands(watched: Host, file: File, data: bytes, command: dict[str, Any]) -> None:
    watched.dnload(0, data)
    (line,) = lines(file)
    assert {key: line[key] for key in ("command", "address") if key in line} == command


def test_a_job(watched: Host, file: File) -> None:
    watched.job(3, bytes(TRANSFER_SIZE))
    block, start, end = lines(file)
    address = FLASH + TRANSFER_SIZE
    assert (block["block"], block["address"]) == (3, address)
    assert start["reply"] == {"bStatus": "OK", "bwPollTimeout": 0, "bState": "dfuDNBUSY", "iString": 0}
    assert start["job"] == {
        "address": address,
        "outcome": "OK",
        "ignored": False,
        "effects": [{"action": "write", "address": address, "length": TRANSFER_SIZE}],
    }
    assert (end["reply"]["bState"], "job" in end) == ("dfuDNLOAD-IDLE", False)


def test_a_job_that_fails(watched: Host, file: File) -> None:
    watched.erase(0x40000000)
    job = lines(file)[1]["job"]
    assert (job["outcome"], job["effects"]) == ("errTARGET", [])


def test_a_job_that_is_ignored(watched: Host, file: File) -> None:
    watched.set_address(OPTION_BYTES)
    watched.job(2, bytes(4))
    job = lines(file)[-2]["job"]
    assert (job["ignored"], job["outcome"], job["effects"]) == (True, "OK", [])


def test_a_stall(watched: Host, file: File) -> None:
    watched.dfu(Request.UPLOAD, 2, 4096)
    (line,) = lines(file)
    assert (line["result"], line["data"]) == ("stall", "")
    assert line["reason"] == "wLength 4096 is above wTransferSize 2048"
    assert (line["before"], line["after"], line["status"]) == ("dfuIDLE", "dfuERROR", "errSTALLEDPKT")


def test_chapter_9(watched: Host, file: File) -> None:
    watched.port.control(SetupPacket(0x80, 6, 0x0300, 0, 255))
    watched.port.control(SetupPacket(0xC5, 1, 2, 3, 4))
    watched.port.reset()
    descriptor, strange, reset = lines(file)
    words = ("type", "recipient", "direction", "request", "data")
    assert [descriptor[key] for key in words] == ["standard", "device", "in", "GET_DESCRIPTOR", "04030904"]
    assert [strange[key] for key in words] == ["vendor", "other", "in", "request 0x01", ""]
    assert reset == {"time": 0.0, "chip": 1, "event": "bus reset"}


def test_what_the_host_gives_up(watched: Host, file: File) -> None:
    watched.clock.sleep(500_000)
    watched.port.give_up(CONFIGURE, 0, watched.port.address, reached=False)
    assert lines(file) == [
        {
            "time": 0.0,
            "chip": 1,
            "event": "given up",
            "setup": CONFIGURE._asdict(),
            "request": "SET_CONFIGURATION",
            "waited": 0.5,
            "reached": False,
        }
    ]


def test_a_device_that_leaves_and_comes_back(plug: Plug, file: File) -> None:
    host = plug(timing="real").idle()
    host.port.watch(partial(JsonWriter(file.open()), chip=3))
    host.start_reset(b"\x92")
    host.wait_for_return()
    device = host.port.device
    departure = {"reason": "read unprotect", "application_runs": False, "returns_after": 16.25}
    _, status, detached, attached, configured = lines(file)
    assert status["departure"] == departure
    assert detached == {"time": 0.0, "chip": 3, "event": "detached", "departure": departure}
    assert attached == {
        "time": 16.25,
        "chip": 3,
        "event": "attached",
        "address_on_bus": 3,
        "profile": "stm32f405",
        "serial": device.serial,
        "device_descriptor": device.device_descriptor.hex(),
        "configuration_descriptor": device.configuration_descriptor.hex(),
    }
    assert configured["setup"]["bRequest"] == CONFIGURE.bRequest


def test_a_request_that_is_held(plug: Plug, file: File) -> None:
    host = plug(timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    host.get_status()
    host.port.watch(JsonWriter(file.open()))
    host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18))
    (line,) = lines(file)
    assert (line["held"], line["result"]) == (0.4, "ok")


def test_a_request_that_is_never_answered(f405: Profile, plug: Plug, file: File) -> None:
    host = plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)).idle()
    host.port.watch(JsonWriter(file.open()))
    host.port.control(SetupPacket(0x81, 6, 0x2100, 0, 9))
    (line,) = lines(file)
    assert (line["result"], "held" in line) == ("no answer", False)
