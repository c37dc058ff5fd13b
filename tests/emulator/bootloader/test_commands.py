"""What a DNLOAD does, and when: accepted by DNLOAD, started by the first GETSTATUS, told by the next."""

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BlockSize, OutsideMap
from dfu_protocol import Request, State, Status
from emulator.host import (
    DEVICE_FEATURE,
    FLASH,
    NOWHERE,
    OPTION_BYTES,
    OTP,
    RAM,
    SYSTEM,
    TRANSFER_SIZE,
    Host,
    Plug,
    variant,
)

IDLE = (Status.OK, 0, State.DNLOAD_IDLE, 0)


def failed(status: Status) -> tuple[int, ...]:
    return (status, 0, State.ERROR, 0)


def test_pointer_after_power_up_is_the_start_of_the_flash(host: Host) -> None:
    assert host.pointer == FLASH
    host.write(FLASH, b"from the start!!")
    fresh = host.idle().upload(2, 16)
    assert fresh == b"from the start!!"


def test_pointer_changes_at_the_first_getstatus(host: Host) -> None:
    host.dnload(0, b"\x21\x00\x40\x00\x08")
    assert host.pointer == FLASH
    assert host.get_status() == (Status.OK, 0, State.DNBUSY, 0)
    assert host.pointer == 0x08004000
    assert host.get_status() == IDLE


def test_set_address_that_is_never_started_leaves_the_pointer(host: Host) -> None:
    host.write(FLASH, b"first...")
    host.idle()
    host.dnload(0, b"\x21\x00\x40\x00\x08")
    host.abort()
    assert host.upload(2, 8) == b"first..."


def test_write_and_erase_wait_for_getstatus_too(host: Host) -> None:
    host.dnload(2, b"data")
    host.abort()
    assert host.upload(2, 4) == b"\xff" * 4
    host.idle()
    assert host.write(FLASH, b"data") == IDLE
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    host.abort()
    assert host.upload(2, 4) == b"data"


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        (FLASH, Status.OK),
        (FLASH + 0xFFFFF, Status.OK),
        (FLASH + 0x100000, Status.TARGET),
        (FLASH - 1, Status.TARGET),
        (RAM, Status.OK),
        (RAM - 1, Status.TARGET),  # the ROM's own
        (0x2001FFFF, Status.OK),
        (0x20020000, Status.TARGET),
        (SYSTEM, Status.OK),
        (OTP, Status.OK),
        (OTP + 527, Status.OK),
        (OTP + 528, Status.TARGET),
        (OPTION_BYTES, Status.OK),
        (OPTION_BYTES + 16, Status.TARGET),
        (DEVICE_FEATURE, Status.OK),
        (DEVICE_FEATURE + 4, Status.TARGET),
        (0, Status.TARGET),
        (0xFFFFFFFF, Status.TARGET),
        (NOWHERE, Status.TARGET),
    ],
    ids=lambda value: value.label if isinstance(value, Status) else f"{value:08X}",
)
def test_set_address_takes_what_the_map_has(host: Host, address: int, outcome: Status) -> None:
    told = host.set_address(address)
    assert told == (IDLE if outcome is Status.OK else failed(outcome))
    assert host.pointer == (address if outcome is Status.OK else FLASH)


@pytest.mark.parametrize(
    ("rule", "told"), [(OutsideMap.TARGET, Status.TARGET), (OutsideMap.ADDRESS, Status.ADDRESS)]
)
@pytest.mark.parametrize("what", ["set address", "erase", "write", "upload"])
def test_status_of_an_address_outside_the_map(
    f405: Profile, plug: Plug, what: str, rule: OutsideMap, told: Status
) -> None:
    host = plug(variant(f405, "bootloader", outside_map=rule)).idle()
    far_block = 2 + 0x100000 // TRANSFER_SIZE
    match what:
        case "set address":
            host.set_address(NOWHERE)
        case "erase":
            host.erase(NOWHERE)
        case "write":
            host.job(far_block, b"data")
        case "upload":
            assert host.dfu(Request.UPLOAD, far_block, 16).data is None
    assert host.get_status() == failed(told)


@pytest.mark.parametrize(
    "data",
    [
        b"\x01",
        b"\xff",
        b"\x21",  # no address
        b"\x21\x00\x00\x08",
        b"\x21\x00\x00\x00\x08\x00",
        b"\x41\x00\x00\x08",
        b"\x41\x00\x00\x00\x08\x00",
        b"\x92\x00",
        b"\x00\x00",
        bytes(TRANSFER_SIZE),
        b"\x22\x00\x00\x00\x08",
    ],
    ids=lambda data: data[:6].hex(" "),
)
def test_an_unknown_command_is_found_out_after_dfudnbusy(host: Host, data: bytes) -> None:
    host.write(FLASH, b"kept")
    host.idle()
    host.dnload(0, data)
    assert host.get_state() is State.DNLOAD_SYNC
    assert host.get_status() == (Status.OK, 0, State.DNBUSY, 0)
    assert host.get_status() == failed(Status.STALLEDPKT)
    assert host.idle().upload(2, 4) == b"kept"


@pytest.mark.parametrize("missing", [0x00, 0x21, 0x41, 0x92], ids=hex)
def test_a_command_that_the_rom_does_not_have_is_unknown(f405: Profile, plug: Plug, missing: int) -> None:
    commands = tuple(code for code in (0x00, 0x21, 0x41, 0x92) if code != missing)
    host = plug(variant(f405, "bootloader", commands=commands)).idle()
    assert host.upload(0, 3) == bytes(commands)
    host.abort()
    command = {0x21: b"\x21\x00\x00\x00\x08", 0x41: b"\x41\x00\x00\x00\x08"}.get(missing, bytes([missing]))
    assert host.job(0, command) == failed(Status.STALLEDPKT)


def test_get_commands(host: Host) -> None:
    assert host.upload(0, 4) == b"\x00\x21\x41\x92"
    assert host.get_state() is State.UPLOAD_IDLE
    host.abort()
    assert host.job(0, b"\x00") == IDLE
    host.abort()
    assert host.upload(0, 64) == b"\x00\x21\x41\x92"
    assert host.get_state() is State.DFU_IDLE


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        (FLASH, Status.OK),
        (FLASH + 0xFFFFF, Status.OK),
        (FLASH + 0x100000, Status.TARGET),
        (RAM, Status.TARGET),
        (SYSTEM, Status.TARGET),
        (OTP, Status.TARGET),
        (OPTION_BYTES, Status.TARGET),
        (DEVICE_FEATURE, Status.TARGET),
        (NOWHERE, Status.TARGET),
    ],
    ids=lambda value: value.label if isinstance(value, Status) else f"{value:08X}",
)
def test_erase_takes_only_addresses_of_the_flash(host: Host, address: int, outcome: Status) -> None:
    assert host.erase(address) == (IDLE if outcome is Status.OK else failed(outcome))


def test_blocks_are_wtransfersize_apart_whatever_wlength_is(host: Host) -> None:
    host.set_address(FLASH)
    for block, data in ((2, b"two!"), (3, b"three..."), (5, b"five")):
        assert host.job(block, data) == IDLE
    whole = host.idle().read(FLASH, 4 * TRANSFER_SIZE)
    assert whole[0:8] == b"two!" + b"\xff" * 4
    assert whole[2048:2060] == b"three..." + b"\xff" * 4
    assert whole[4096:6144] == b"\xff" * 2048
    assert whole[6144:6152] == b"five" + b"\xff" * 4


def test_blocks_of_a_rom_that_counts_by_wlength(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "bootloader", block_size=BlockSize.WLENGTH)).idle()
    host.set_address(FLASH)
    for block, data in ((2, b"two!"), (3, b"3th."), (5, b"five")):
        assert host.job(block, data) == IDLE
    host.abort()
    assert host.upload(2, 20) == b"two!3th." + b"\xff" * 4 + b"five" + b"\xff" * 4
    assert host.upload(3, 4) == b"3th."
    assert host.upload(3, 8) == b"\xff" * 4 + b"five"


@pytest.mark.parametrize(
    ("address", "length", "outcome"),
    [
        (0x080FFFF8, 8, Status.OK),
        (0x080FFFF8, 12, Status.TARGET),
        (0x2001FFF0, 16, Status.OK),
        (0x2001FFF0, 17, Status.TARGET),
        (SYSTEM, 4, Status.TARGET),
        (SYSTEM + 0x7600, 2048, Status.TARGET),
    ],
)
def test_a_write_must_fit_a_writable_memory(host: Host, address: int, length: int, outcome: Status) -> None:
    before = host.read(address, 8)
    told = host.write(address, bytes(length))
    assert told == (IDLE if outcome is Status.OK else failed(outcome))
    after = host.idle().read(address, 8)
    assert after == (bytes(8) if outcome is Status.OK else before)


def test_a_failed_job_leaves_the_next_one_alone(host: Host) -> None:
    assert host.erase(NOWHERE) == failed(Status.TARGET)
    host.clear_status()
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)
    assert host.erase(FLASH) == IDLE


def test_wtransfersize_is_the_profiles(f405: Profile, plug: Plug) -> None:
    """The STM32G431 has 1024; a block of 2048 gives errSTALLEDPKT."""
    host = plug(variant(f405, "dfu", wTransferSize=1024)).idle()
    assert host.dfu(Request.DNLOAD, 2, data=bytes(2048)).data is None
    assert host.get_status() == failed(Status.STALLEDPKT)
    host.clear_status()
    assert host.dfu(Request.UPLOAD, 2, 2048).data is None
    assert host.idle().job(3, b"1024") == IDLE
    assert host.idle().read(FLASH + 1024, 4) == b"1024"
