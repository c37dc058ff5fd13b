"""What happens at a port, in words."""

import pytest

from dfu_emulator.port import Occurrence
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.trace import describe
from dfu_protocol import Request, SetupPacket
from emulator.host import FLASH, OPTION_BYTES, Plug, variant


@pytest.fixture
def said() -> list[Occurrence]:
    return []


def words(occurrences: list[Occurrence]) -> list[str]:
    """Descriptions, with runs of spaces as one."""
    return [" ".join(describe(occurrence).split()) for occurrence in occurrences]


def test_a_download(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.dnload(0, b"\x21" + FLASH.to_bytes(4, "little"))
    host.get_status()
    host.get_status()
    host.dnload(2, bytes(64))
    host.abort()
    assert words(said) == [
        "DFU_DNLOAD Set Address Pointer 0x08000000 dfuIDLE -> dfuDNLOAD-SYNC",
        "DFU_GETSTATUS OK, dfuDNBUSY, bwPollTimeout 0 ms dfuDNLOAD-SYNC -> dfuDNBUSY",
        "DFU_GETSTATUS OK, dfuDNLOAD-IDLE, bwPollTimeout 0 ms dfuDNBUSY -> dfuDNLOAD-IDLE",
        "DFU_DNLOAD block 2, 64 bytes at 0x08000000 dfuDNLOAD-IDLE -> dfuDNLOAD-SYNC",
        "DFU_ABORT dfuDNLOAD-SYNC -> dfuIDLE",
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x00", "Get"),
        (b"\x41", "Mass Erase"),
        (b"\x41\x00\x40\x00\x08", "Erase 0x08004000"),
        (b"\x92", "Read Unprotect"),
        (b"\x55\xaa", "unknown command 55 aa"),
        (b"\x55" * 9, "unknown command 55 55 55 55 55 55 55 55..."),
    ],
)
def test_commands(plug: Plug, said: list[Occurrence], data: bytes, text: str) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.dnload(0, data)
    assert words(said) == [f"DFU_DNLOAD {text} dfuIDLE -> dfuDNLOAD-SYNC"]


@pytest.mark.parametrize(
    ("setup", "text"),
    [
        (SetupPacket.dfu(Request.UPLOAD, 1, 8), "errSTALLEDPKT): wBlockNum 1 is reserved"),
        (SetupPacket.dfu(Request.UPLOAD, 2, 0), "errSTALLEDPKT): wLength is 0"),
        (SetupPacket.dfu(Request.UPLOAD, 2, 2049), "): wLength 2049 is above wTransferSize 2048"),
        (SetupPacket.dfu(Request.UPLOAD, 9999, 8), "errTARGET): the address is outside what the bootloader"),
        (SetupPacket(0x21, 3, 0, 0, 0), "): bmRequestType is 0x21, GETSTATUS has 0xa1"),
        (SetupPacket(0xA1, 7, 0, 0, 8), "): DFU has no request 0x07"),
        (SetupPacket(0xA1, 3, 0, 1, 6), "STALL dfuIDLE (OK): the only interface is 0"),
    ],
)
def test_stalls_have_a_reason(plug: Plug, said: list[Occurrence], setup: SetupPacket, text: str) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.port.control(setup)
    assert text in words(said)[0]


def test_a_request_that_is_not_allowed_names_the_state(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.dnload(2, bytes(4))
    host.port.watch(said.append)
    host.dfu(Request.UPLOAD, 2, 64)
    assert words(said)[0].endswith("): UPLOAD is not allowed in dfuDNLOAD-SYNC")


def test_a_job_that_fails(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.dnload(0, b"\x41\x00\x00\x00\x40")
    host.get_status()
    host.port.watch(said.append)
    host.get_status()
    meaning = "the address is outside what the bootloader may touch"
    assert words(said)[0].endswith(f"dfuDNBUSY -> dfuERROR (errTARGET: {meaning})")


def test_a_held_request(f405: Profile, plug: Plug, said: list[Occurrence]) -> None:
    host = plug(variant(f405, "bootloader"), timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    host.get_status()
    host.port.watch(said.append)
    host.get_state()
    assert words(said)[0].startswith("DFU_GETSTATE held for 0.4 s")


def test_a_request_that_is_never_answered(f405: Profile, plug: Plug, said: list[Occurrence]) -> None:
    host = plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)).idle()
    host.port.watch(said.append)
    host.port.control(SetupPacket(0x81, 6, 0x2100, 0, 9))
    assert words(said) == ["GET_DESCRIPTOR wValue 0x2100, wIndex 0, wLength 9: 9 bytes, never answered"]


def test_a_standard_request_that_is_held(plug: Plug, said: list[Occurrence]) -> None:
    host = plug(timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    host.get_status()
    host.port.watch(said.append)
    host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18))
    assert words(said)[0].endswith("wLength 18: 18 bytes, held for 0.4 s")


def test_departure_and_return(plug: Plug, said: list[Occurrence]) -> None:
    host = plug(timing="real").idle()
    host.port.watch(said.append)
    host.dnload(0, b"\x92")
    host.get_status()
    host.wait_for_return()
    assert words(said)[2:4] == [
        "the device leaves the bus: read unprotect; back in 16.25 s",
        "the device is on the bus",
    ]


def test_chapter_9(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18))
    host.port.control(SetupPacket(0x80, 6, 0x0600, 0, 10))
    host.port.control(SetupPacket(0xC0, 1, 2, 3, 4))
    host.port.reset()
    reason = "STALL: the device has no such thing, or not in this state"
    assert words(said) == [
        "GET_DESCRIPTOR wValue 0x0100, wIndex 0, wLength 18: 18 bytes",
        f"GET_DESCRIPTOR wValue 0x0600, wIndex 0, wLength 10: {reason}",
        f"bmRequestType 0xc0, bRequest 0x01 wValue 0x0002, wIndex 3, wLength 4: {reason}",
        "the host resets the bus",
    ]


def test_what_the_host_gives_up(plug: Plug, said: list[Occurrence]) -> None:
    host = plug()
    host.port.watch(said.append)
    host.clock.sleep(1_500_000)
    for reached in (True, False):
        host.port.give_up(SetupPacket.dfu(Request.GETSTATUS), 1_000_000, host.port.address, reached=reached)
    assert words(said) == [
        "DFU_GETSTATUS the host gives up after 0.5 s",
        "DFU_GETSTATUS the host gives up after 0.5 s; it has not reached the chip",
    ]


def test_what_a_job_changes(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.erase(FLASH + 0x5000)
    host.job(2, bytes(64))
    starts = [line.split("dfuDNBUSY; ")[1] for line in words(said) if line.count("; ")]
    assert starts == ["erases 16384 bytes at 0x08004000", "writes 64 bytes at 0x08000000"]


def test_a_job_that_will_fail(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.erase(0x40000000)
    assert words(said)[1].endswith("dfuDNLOAD-SYNC -> dfuDNBUSY; the job fails: errTARGET")


def test_a_job_that_is_ignored(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.set_address(OPTION_BYTES)
    host.port.watch(said.append)
    host.job(2, bytes(4))
    assert words(said)[1].endswith("dfuDNLOAD-SYNC -> dfuDNBUSY; the job is ignored")


def test_an_upload_says_where_from(plug: Plug, said: list[Occurrence]) -> None:
    host = plug().idle()
    host.port.watch(said.append)
    host.upload(3, 64)
    host.upload(0, 4)
    assert [line.split(" dfuIDLE")[0] for line in words(said)] == [
        "DFU_UPLOAD block 3, 64 of 64 bytes at 0x08000800",
        "DFU_UPLOAD block 0, 4 of 4 bytes dfuUPLOAD-IDLE",
    ]
