"""Option bytes: taken as a whole or not at all, and what their bits mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dfu_emulator.bootloader import Reason
from dfu_emulator.memory import OptionBytes
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import OptionArea, Rdp, WrpBits, WrpRange
from dfu_emulator.profile.model import OptionBytes as OptionBytesProfile
from dfu_emulator.profile.scalars import HexBytes
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, OPTION_BYTES, Host, Plug, variant

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


def area(start: int, factory: str) -> OptionArea:
    return OptionArea(start, HexBytes.read(factory))


def option_bytes(*factories: str, **fields: Any) -> OptionBytes:
    """Option bytes in areas from 0x1000 and 0x2000 on, with RDP in their first byte."""
    areas = tuple(area(0x1000 * number, factory) for number, factory in enumerate(factories, 1))
    return OptionBytes(OptionBytesProfile(areas, **{"rdp": Rdp(0, 0xAA, 0xCC)} | fields))


KEPT = [
    # width, factory, written, kept
    (1, "AA 55 FF 00 0F F0 00 FF", "AB 00 FE 00 12 34 00 00", "AB 54 FE 01 12 ED 00 FF"),
    (2, "AA 00 55 FF 70 80 8F 7F", "AB 01 00 00 12 34 FF FF", "AB 01 54 FE 12 34 ED CB"),
    (4, "AA F8 EF FF 55 07 10 00", "AB 00 11 22 00 00 00 00", "AB 00 11 22 54 FF EE DD"),
    (0, "AA 55 FF 00 0F F0 00 FF", "AB 00 FE 00 12 34 00 00", "AB 00 FE 00 12 34 00 00"),
]


class TestComplements:
    """The F0, F1 and F3 keep one after each byte, the L0 and L1 after two, the L4 and G4 after four."""

    @pytest.mark.parametrize(("width", "factory", "written", "kept"), KEPT)
    def test_are_the_chips_whatever_was_written(
        self, width: int, factory: str, written: str, kept: str
    ) -> None:
        (cells,) = option_bytes(factory, complement=width).areas
        assert cells.read(0x1000, 8) == bytes.fromhex(factory)
        cells.write(0x1000, bytes.fromhex(written))
        assert cells.read(0x1000, 8) == bytes.fromhex(kept)

    def test_follow_the_protection_level(self) -> None:
        chip = option_bytes("AA 55 FF 00", complement=1)
        for level, kept in ((1, "55 AA FF 00"), (2, "CC 33 FF 00"), (0, "AA 55 FF 00")):
            chip.rdp_level = level
            assert chip.areas[0].read(0x1000, 4) == bytes.fromhex(kept)

    @given(st.binary(min_size=16, max_size=16), st.sampled_from([1, 2, 4]))
    def test_each_value_is_followed_by_its_own(self, data: bytes, width: int) -> None:
        (cells,) = option_bytes("00 " * 16, complement=width).areas
        cells.write(0x1000, data)
        kept = cells.read(0x1000, 16)
        for start in range(0, 16, 2 * width):
            value, complement = kept[start : start + width], kept[start + width : start + 2 * width]
            assert value == data[start : start + width]
            assert [a ^ b for a, b in zip(value, complement, strict=True)] == [0xFF] * width

    def test_a_host_reads_them_back(self, f405: Profile, plug: Plug) -> None:
        fields = {"areas": (area(OPTION_BYTES, "AA 55 FF 00"),), "rdp": Rdp(0, 0xAA), "complement": 1}
        host = plug(variant(f405, "memory.option_bytes", wrp_bits=(), **fields)).idle()
        host.set_address(OPTION_BYTES)
        host.start_reset(bytes.fromhex("AA FF FE FF"), block=2)
        assert host.wait_for_return().idle().read(OPTION_BYTES, 4) == bytes.fromhex("AA 55 FE 01")


class TestWithoutLevel2:
    """The F1: any value but one is level 1."""

    @pytest.mark.parametrize(("value", "level"), [(0xA5, 0), (0xCC, 1), (0xAA, 1), (0x00, 1), (0xFF, 1)])
    def test_levels(self, value: int, level: int) -> None:
        chip = option_bytes("A5 00", rdp=Rdp(0, 0xA5))
        chip.areas[0].write(0x1000, bytes((value, 0)))
        assert chip.rdp_level == level

    def test_it_cannot_be_set(self) -> None:
        chip = option_bytes("A5 00", rdp=Rdp(0, 0xA5))
        with pytest.raises(ValueError, match="no read protection level 2"):
            chip.rdp_level = 2
        assert chip.rdp_level == 0

    @pytest.mark.parametrize(
        "rdp", [Rdp(1, 0xA5), Rdp(0, 0x55), Rdp(0, 0x00, 0x55), Rdp(0, 0xAA, 0xCC)], ids=str
    )
    def test_level_1_is_neither_of_the_others(self, rdp: Rdp) -> None:
        chip = option_bytes("00 00", rdp=rdp)
        for level in (1, 0, 1):
            chip.rdp_level = level
            assert chip.rdp_level == level


WRP = [
    # fields, option bytes, protected sectors
    ({"wrp_bits": [WrpBits(1, 8)]}, "AA FE FF FF", {0}),
    ({"wrp_bits": [WrpBits(1, 8)]}, "AA 7F 00 00", {7}),
    ({"wrp_bits": [WrpBits(1, 4)]}, "AA 0F FF FF", set()),
    ({"wrp_bits": [WrpBits(1, 8, protects=1)]}, "AA 01 FF FF", {0}),
    ({"wrp_bits": [WrpBits(1, 8, protects=1)]}, "AA 00 FF FF", set()),
    ({"wrp_bits": [WrpBits(1, 8, sectors=4)]}, "AA FD FF FF", {4, 5, 6, 7}),
    ({"wrp_bits": [WrpBits(1, 8, first_sector=16)]}, "AA FA FF FF", {16, 18}),
    ({"wrp_bits": [WrpBits(1, 8, first_sector=16, sectors=2)]}, "AA 7F FF FF", {30, 31}),
    ({"wrp_bits": [WrpBits(1, 8, first_bit=4)]}, "AA EF FD FF", {0, 5}),
    ({"wrp_bits": [WrpBits(1, 2, first_bit=7)]}, "AA 7F FE FF", {0, 1}),
    ({"wrp_bits": [WrpBits(1, 2, first_bit=7)]}, "AA 80 01 00", set()),
    ({"wrp_bits": [WrpBits(1, 8), WrpBits(3, 8, first_sector=8)]}, "AA FE 00 7F", {0, 15}),
    ({"wrp_ranges": [WrpRange(1, 2)]}, "AA 02 04 FF", {2, 3, 4}),
    ({"wrp_ranges": [WrpRange(1, 2)]}, "AA 04 04 FF", {4}),
    ({"wrp_ranges": [WrpRange(1, 2)]}, "AA 04 03 FF", set()),
    ({"wrp_ranges": [WrpRange(1, 2)]}, "AA FF 00 FF", set()),
    ({"wrp_ranges": [WrpRange(2, 1)]}, "AA 04 02 FF", {2, 3, 4}),
    ({"wrp_ranges": [WrpRange(1, 2, first_sector=10)]}, "AA 00 01 FF", {10, 11}),
    ({"wrp_ranges": [WrpRange(1, 2), WrpRange(3, 2)]}, "AA 02 02 01", {1, 2}),
    ({"wrp_bits": [WrpBits(3, 8)], "wrp_ranges": [WrpRange(1, 2)]}, "AA 01 02 BF", {1, 2, 6}),
    ({}, "AA 00 00 00", set()),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "written", "protected"), WRP, ids=[f"{row[0]}: {row[1]}" for row in WRP])
def test_what_is_write_protected(fields: dict[str, Any], written: str, protected: set[int]) -> None:
    chip = option_bytes(written, **{key: tuple(groups) for key, groups in fields.items()})
    assert {sector for sector in range(64) if chip.is_write_protected(sector)} == protected


class TestSecondArea:
    """The F429 and G474 have one for their second bank."""

    SECOND = 0x1FFEC000
    BLANK = b"\xff" * 16

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        areas = (*f405.memory.option_bytes.areas, OptionArea(self.SECOND, HexBytes(self.BLANK)))
        bits = (WrpBits(8, 6), WrpBits(8, 6, area=1, first_sector=6))
        return plug(variant(f405, "memory.option_bytes", areas=areas, wrp_bits=bits)).idle()

    def test_is_read(self, host: Host) -> None:
        assert host.read(self.SECOND, 16) == self.BLANK
        assert host.read(OPTION_BYTES, 16) == FACTORY

    def test_a_write_resets_the_chip_and_leaves_the_first_as_it_was(self, host: Host) -> None:
        host.set_address(self.SECOND)
        host.dnload(2, b"\x12" * 16)
        reply = host.dfu(Request.GETSTATUS, length=6)
        assert reply.departure is not None
        assert reply.departure.reason is Reason.OPTION_BYTES
        host.wait_for_return().idle()
        assert host.read(self.SECOND, 16) == b"\x12" * 16
        assert host.read(OPTION_BYTES, 16) == FACTORY

    def test_its_bits_protect_its_sectors(self, host: Host) -> None:
        for address, sector in ((OPTION_BYTES, 0), (self.SECOND, 6)):
            before = host.port.device.bootloader.chip.option_bytes
            assert not before.is_write_protected(sector)
            host.set_address(address)
            host.start_reset((FACTORY if sector == 0 else self.BLANK)[:8] + b"\xfe" + b"\xff" * 7, block=2)
            host.wait_for_return().idle()
            assert before.is_write_protected(sector)
        assert [sector for sector in range(12) if before.is_write_protected(sector)] == [0, 6]

    def test_has_no_say_in_read_protection(self, host: Host) -> None:
        host.set_address(self.SECOND)
        host.start_reset(b"\x00" * 8 + b"\xff" * 8, block=2)
        host.wait_for_return().idle()
        assert host.read(FLASH, 4) == b"\xff" * 4

    def test_a_part_of_it_is_ignored(self, host: Host) -> None:
        assert host.write(self.SECOND, bytes(8)) == (Status.OK, 0, State.DNLOAD_IDLE, 0)
        host.abort()
        assert host.read(self.SECOND, 16) == self.BLANK


def test_the_level_is_that_of_the_first_area(f405: Profile) -> None:
    profile = replace(
        f405.memory.option_bytes, areas=(*f405.memory.option_bytes.areas, area(0x1FFEC000, "AA " * 16))
    )
    chip = OptionBytes(profile)
    chip.rdp_level = 1
    chip.areas[1].write(0x1FFEC000, b"\xaa" * 16)
    assert chip.rdp_level == 1
