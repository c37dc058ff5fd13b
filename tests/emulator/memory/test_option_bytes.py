"""Option bytes: taken as a whole or not at all, and what their bits mean."""

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.memory import OptionBytes
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, OPTION_BYTES, Host, Plug

FACTORY = bytes.fromhex("FF AA FF FF FF FF FF FF FF FF FF FF FF FF FF FF")
CHANGED = bytes.fromhex("EF AA FF FF FF FF FF FF FE FF FF FF FF FF FF FF")


def test_factory_values(host: Host) -> None:
    assert host.read(OPTION_BYTES, 16) == FACTORY


def test_the_whole_block_is_taken_at_the_only_getstatus(host: Host) -> None:
    address = host.port.address
    host.set_address(OPTION_BYTES)
    host.dnload(2, CHANGED)
    reply = host.dfu(Request.GETSTATUS, length=6)
    assert reply.data == bytes.fromhex("00 000000 04 00")
    assert reply.departure is not None
    assert reply.departure.reason is Reason.OPTION_BYTES
    with pytest.raises(DeviceGone):
        host.port.control(SetupPacket.dfu(Request.GETSTATUS, wLength=6), address=address)


@pytest.mark.parametrize(
    ("address", "data"),
    [
        (OPTION_BYTES, CHANGED[:15]),
        (OPTION_BYTES, CHANGED[:4]),
        (OPTION_BYTES + 4, CHANGED[4:]),
        (OPTION_BYTES + 15, CHANGED[:1]),
    ],
    ids=["15 bytes", "4 bytes", "from the fifth on", "the last"],
)
def test_a_part_is_ignored_without_an_error(host: Host, address: int, data: bytes) -> None:
    assert host.write(address, data) == (Status.OK, 0, State.DNLOAD_IDLE, 0)
    host.abort()
    assert host.read(OPTION_BYTES, 16) == FACTORY


def test_more_than_the_block_is_outside_the_map(host: Host) -> None:
    assert host.write(OPTION_BYTES, CHANGED + b"\xff") == (Status.TARGET, 0, State.ERROR, 0)
    assert host.idle().read(OPTION_BYTES, 16) == FACTORY


@pytest.mark.parametrize("boot0", [True, False])
def test_the_reset_comes_back_by_boot0(plug: Plug, boot0: bool) -> None:
    host = plug(boot0=boot0).idle()
    host.set_address(OPTION_BYTES)
    host.start_reset(CHANGED, block=2)
    if not boot0:
        assert not host.port.attached
        return
    host.wait_for_return().idle()
    assert host.read(OPTION_BYTES, 16) == CHANGED


def test_bits_can_be_set_again(host: Host) -> None:
    for data in (CHANGED, FACTORY):
        host.set_address(OPTION_BYTES)
        host.start_reset(data, block=2)
        host.wait_for_return().idle()
        assert host.read(OPTION_BYTES, 16) == data


def test_the_memory_itself_takes_the_whole_or_nothing(f405: Profile) -> None:
    (options,) = OptionBytes(f405.memory.option_bytes).areas
    assert not options.takes(OPTION_BYTES, CHANGED[:15])
    options.write(OPTION_BYTES, CHANGED[:15])
    assert not options.takes(OPTION_BYTES + 1, CHANGED[1:])
    options.write(OPTION_BYTES + 1, CHANGED[1:])
    assert options.read(OPTION_BYTES, 16) == FACTORY
    assert options.takes(OPTION_BYTES, CHANGED)
    options.write(OPTION_BYTES, CHANGED)
    assert options.read(OPTION_BYTES, 16) == CHANGED


@pytest.mark.parametrize(
    ("rdp", "level"),
    [(0xAA, 0), (0xCC, 2), (0x55, 1), (0x00, 1), (0xFF, 1), (0xAB, 1), (0xCD, 1)],
    ids=lambda value: f"{value:02X}",
)
def test_read_protection_level(f405: Profile, rdp: int, level: int) -> None:
    options = OptionBytes(f405.memory.option_bytes)
    options.areas[0].write(OPTION_BYTES, bytes([0xFF, rdp]) + b"\xff" * 14)
    assert options.rdp_level == level


@pytest.mark.parametrize("level", [0, 1, 2])
def test_read_protection_level_can_be_set(f405: Profile, level: int) -> None:
    options = OptionBytes(f405.memory.option_bytes)
    options.rdp_level = level
    assert options.rdp_level == level
    (area,) = options.areas
    assert area.read(OPTION_BYTES + 1, 1)[0] == {0: 0xAA, 1: 0x55, 2: 0xCC}[level]
    assert area.read(OPTION_BYTES, 1) + area.read(OPTION_BYTES + 2, 14) == b"\xff" * 15


@pytest.mark.parametrize(
    ("low", "high", "protected"),
    [
        (0xFF, 0xFF, []),
        (0xFE, 0xFF, [0]),
        (0x7F, 0xFF, [7]),
        (0xFF, 0xFE, [8]),
        (0xFF, 0xF7, [11]),
        (0xFF, 0x0F, []),  # bits of no sector
        (0x00, 0x00, list(range(12))),
    ],
)
def test_write_protection_bits(f405: Profile, low: int, high: int, protected: list[int]) -> None:
    options = OptionBytes(f405.memory.option_bytes)
    options.areas[0].write(OPTION_BYTES, FACTORY[:8] + bytes([low, high]) + FACTORY[10:])
    assert [sector for sector in range(16) if options.is_write_protected(sector)] == protected


def test_they_cannot_be_erased_by_the_erase_command(host: Host) -> None:
    assert host.erase(OPTION_BYTES) == (Status.TARGET, 0, State.ERROR, 0)
    host.clear_status()
    host.mass_erase()
    host.abort()
    assert host.read(OPTION_BYTES, 16) == FACTORY
    assert host.read(FLASH, 4) == b"\xff" * 4
