"""All memories but flash and option bytes, as a host meets them."""

import pytest
from msgspec.structs import replace

from dfu_emulator.memory import MemoryMap, Ram, SystemMemory, system_memory
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Eeprom, Rdp1
from dfu_emulator.profile.scalars import Size
from dfu_protocol import Request, State, Status
from emulator.host import DEVICE_FEATURE, FLASH, NOWHERE, OTP, RAM, SYSTEM, Host, Plug, variant

DONE = (Status.OK, 0, State.DNLOAD_IDLE, 0)
LOCKS = OTP + 512


def failed(status: Status) -> tuple[int, ...]:
    return (status, 0, State.ERROR, 0)


class TestOtp:
    def test_is_blank_at_first(self, host: Host) -> None:
        assert host.read(OTP, 528) == b"\xff" * 528

    def test_bits_are_written_once(self, host: Host) -> None:
        assert host.write(OTP, b"\xf0\x0f\xff\xaa") == DONE
        assert host.write(OTP, b"\xcc\xcc\xcc\xff") == DONE
        host.abort()
        assert host.read(OTP, 5) == b"\xc0\x0c\xcc\xaa\xff"

    @pytest.mark.parametrize("block", [0, 1, 7, 15])
    def test_a_lock_byte_freezes_its_block_and_no_other(self, host: Host, block: int) -> None:
        start = OTP + 32 * block
        assert host.write(start, b"kept") == DONE
        assert host.write(LOCKS + block, b"\x00") == DONE
        for address, data in ((start, b"\x00"), (start + 31, b"\x00"), (LOCKS + block, b"\x00")):
            assert host.write(address, data) == failed(Status.WRITE)
            host.clear_status()
        host.abort()
        assert host.read(start, 32) == b"kept" + b"\xff" * 28
        for other in {0, 1, 7, 15} - {block}:
            assert host.write(OTP + 32 * other, b"free") == DONE

    def test_a_write_that_reaches_a_locked_block_stores_nothing(self, host: Host) -> None:
        host.write(LOCKS + 1, b"\x00")
        assert host.write(OTP + 28, b"\x00" * 8) == failed(Status.WRITE)
        host.clear_status()
        assert host.read(OTP + 28, 8) == b"\xff" * 8

    @pytest.mark.parametrize("erase", [b"\x41", b"\x41\x00\x78\xff\x1f"], ids=["all", "its address"])
    def test_cannot_be_erased(self, host: Host, erase: bytes) -> None:
        host.write(OTP, b"once")
        host.job(0, erase)
        assert host.idle().read(OTP, 4) == b"once"


class TestOtpWithoutLocks:
    """One block whose units are written together and once, as on the L4."""

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        fields = {"blocks": 1, "block": Size(1024), "lock_bytes": False, "write_once": 8}
        return plug(variant(f405, "memory.otp", **fields)).idle()

    def test_ends_with_the_block(self, host: Host) -> None:
        assert host.read(OTP, 1024) == b"\xff" * 1024
        assert host.set_address(OTP + 1024) == failed(Status.TARGET)

    @pytest.mark.parametrize(
        ("offset", "length"), [(0, 8), (0, 1), (7, 1), (4, 4), (0, 16), (-8, 16), (-1, 2)], ids=str
    )
    def test_a_unit_is_written_once(self, host: Host, offset: int, length: int) -> None:
        assert host.write(OTP + 8, b"for ever") == DONE
        assert host.write(OTP + 8 + offset, bytes(length)) == failed(Status.PROG)
        host.clear_status()
        assert host.read(OTP, 24) == b"\xff" * 8 + b"for ever" + b"\xff" * 8

    def test_also_where_only_a_part_of_it_was(self, host: Host) -> None:
        assert host.write(OTP + 2, b"\x00") == DONE
        assert host.write(OTP + 5, b"\x00") == failed(Status.PROG)
        host.clear_status()
        assert host.read(OTP, 8) == b"\xff\xff\x00\xff\xff\xff\xff\xff"

    def test_other_units_are_free(self, host: Host) -> None:
        for offset in (0, 8, 1016, 16):
            assert host.write(OTP + offset, b"for ever") == DONE

    def test_without_units_bits_are_cleared_one_by_one(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "memory.otp", lock_bytes=False)).idle()
        for data in (b"\xf0", b"\xcc", b"\xff"):
            assert host.write(OTP + 511, data) == DONE
        host.abort()
        assert host.read(OTP + 511, 1) == b"\xc0"
        assert host.set_address(OTP + 512) == failed(Status.TARGET)


EEPROM = 0x08100000


class TestEeprom:
    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        return plug(variant(f405, "memory", eeprom=Eeprom(EEPROM, Size(6144)))).idle()

    def test_is_blank_at_first(self, host: Host) -> None:
        assert host.read(EEPROM, 6144) == bytes(6144)
        assert host.set_address(EEPROM + 6144) == failed(Status.TARGET)

    def test_a_write_replaces_what_is_there(self, host: Host) -> None:
        for data in (b"\x00", b"\xff", b"odd", b"more"):
            assert host.write(EEPROM + 1, data) == DONE
            host.abort()
            assert host.read(EEPROM + 1, len(data)) == data
        assert host.read(EEPROM, 8) == b"\x00more\x00\x00\x00"

    @pytest.mark.parametrize("address", [EEPROM, EEPROM + 6143])
    def test_no_command_erases_it(self, host: Host, address: int) -> None:
        host.write(EEPROM, b"kept")
        assert host.erase(address) == failed(Status.TARGET)
        host.clear_status()
        assert host.mass_erase() == DONE
        host.abort()
        assert host.read(EEPROM, 4) == b"kept"

    def test_nothing_is_written_beyond_its_end(self, host: Host) -> None:
        assert host.write(EEPROM + 6142, b"four") == failed(Status.TARGET)
        host.clear_status()
        assert host.read(EEPROM + 6142, 2) == bytes(2)

    def test_read_unprotect_erases_it(self, host: Host) -> None:
        host.write(EEPROM + 100, b"secret")
        host.start_reset(b"\x92")
        assert host.wait_for_return().idle().read(EEPROM, 6144) == bytes(6144)

    def test_a_reset_does_not(self, host: Host) -> None:
        host.write(EEPROM, b"kept")
        host.start_reset(b"")
        assert host.wait_for_return().idle().read(EEPROM, 4) == b"kept"

    def test_read_protection_covers_it(self, f405: Profile, plug: Plug) -> None:
        profile = variant(f405, "memory", eeprom=Eeprom(EEPROM, Size(6144)))
        host = plug(variant(profile, "protection", set_address=Rdp1.ALLOW), rdp=1).idle()
        assert host.set_address(EEPROM) == DONE
        assert host.job(2, b"data") == failed(Status.VENDOR)
        host.clear_status()
        assert host.dfu(Request.UPLOAD, 2, 4).data is None


class TestRam:
    def test_can_be_written_byte_by_byte_and_again(self, host: Host) -> None:
        for data in (b"\x00", b"\xff", b"odd"):
            assert host.write(RAM + 1, data) == DONE
            host.abort()
            assert host.read(RAM + 1, len(data)) == data

    def test_what_the_rom_uses_is_out_of_reach(self, host: Host) -> None:
        for address in (0x20000000, 0x20002FFF):
            assert host.set_address(address) == failed(Status.TARGET)
            host.clear_status()

    def test_extent(self, f405: Profile) -> None:
        (ram,) = map(Ram, f405.memory.ram)
        assert (ram.start, ram.end) == (RAM, 0x20020000)


class TestRamInParts:
    """As where the ROM uses some in the middle."""

    FIRST, BETWEEN, SECOND, END = 0x20001000, 0x20002000, 0x20004000, 0x20008000

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        ranges = ((self.FIRST, self.BETWEEN), (self.SECOND, self.END))
        return plug(variant(f405, "memory", ram=ranges)).idle()

    def test_each_is_read_and_written(self, host: Host) -> None:
        for address in (self.FIRST, self.BETWEEN - 4, self.SECOND, self.END - 4):
            assert host.write(address, b"data") == DONE
            host.abort()
            assert host.read(address, 4) == b"data"

    def test_between_them_is_nothing(self, host: Host) -> None:
        for address in (self.FIRST - 1, self.BETWEEN, self.SECOND - 1, self.END):
            assert host.set_address(address) == failed(Status.TARGET)
            host.clear_status()
        assert host.write(self.BETWEEN - 2, b"four") == failed(Status.TARGET)

    def test_a_read_ends_where_the_part_does(self, host: Host) -> None:
        host.set_address(self.BETWEEN - 4)
        host.abort()
        assert host.upload(2, 64) == bytes(4)

    def test_read_unprotect_erases_all(self, host: Host) -> None:
        for address in (self.FIRST, self.SECOND):
            host.write(address, b"data")
        host.start_reset(b"\x92")
        host.wait_for_return().idle()
        assert host.read(self.FIRST, 4) == host.read(self.SECOND, 4) == bytes(4)

    def test_there_may_be_none(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "memory", ram=())).idle()
        assert host.set_address(RAM) == failed(Status.TARGET)


class TestSystemMemory:
    def test_is_readable_with_the_bootloader_id_in_it(self, host: Host) -> None:
        whole = host.read(SYSTEM, 30 * 1024)
        assert whole[0x77DE] == 0x91
        assert whole[:0x77DE] + whole[0x77DF:] == b"\xff" * (30 * 1024 - 1)

    def test_cannot_be_written(self, host: Host) -> None:
        assert host.write(SYSTEM, bytes(4)) == failed(Status.TARGET)
        assert host.idle().read(SYSTEM, 4) == b"\xff" * 4

    @pytest.mark.parametrize("offset", [0, 30 * 1024 - 1])
    def test_the_id_may_be_anywhere_in_it(self, f405: Profile, offset: int) -> None:
        (memory,) = system_memory(replace(f405.memory.system, bootloader_id_address=SYSTEM + offset))
        assert memory.read(SYSTEM + offset, 1) == b"\x91"

    def test_an_id_elsewhere_is_not_shown(self, f405: Profile) -> None:
        (memory,) = system_memory(replace(f405.memory.system, bootloader_id_address=FLASH))
        assert memory.read(SYSTEM, 30 * 1024) == b"\xff" * 30 * 1024


class TestSystemMemoryInAreas:
    """In two, with an id of two bytes, which is little-endian."""

    SECOND = 0x1FF00000
    AREAS = ((SYSTEM, SYSTEM + 0x7800), (SECOND, SECOND + 0x100))

    def system(self, f405: Profile, number: int | None, address: int | None) -> Profile:
        fields = {"bootloader_id": number, "bootloader_id_address": address}
        return variant(f405, "memory.system", areas=self.AREAS, **fields)

    def test_the_id_is_in_one_of_them(self, f405: Profile, plug: Plug) -> None:
        host = plug(self.system(f405, 0x0151, self.SECOND + 0xFE)).idle()
        assert host.read(self.SECOND, 0x100) == b"\xff" * 0xFE + b"\x51\x01"
        assert host.read(SYSTEM, 0x7800) == b"\xff" * 0x7800

    @pytest.mark.parametrize(
        ("number", "shown"), [(0x00, "00 FF"), (0xFF, "FF FF"), (0x100, "00 01"), (0xFFFE, "FE FF")]
    )
    def test_one_byte_or_two(self, f405: Profile, plug: Plug, number: int, shown: str) -> None:
        host = plug(self.system(f405, number, SYSTEM + 8)).idle()
        assert host.read(SYSTEM + 8, 2) == bytes.fromhex(shown)

    def test_there_may_be_no_id(self, f405: Profile, plug: Plug) -> None:
        host = plug(self.system(f405, None, None)).idle()
        assert host.read(self.SECOND, 0x100) == b"\xff" * 0x100

    def test_neither_can_be_written(self, f405: Profile, plug: Plug) -> None:
        host = plug(self.system(f405, 0x91, SYSTEM)).idle()
        for address in (SYSTEM, self.SECOND):
            assert host.write(address, bytes(4)) == failed(Status.TARGET)
            host.clear_status()


class TestDeviceFeature:
    def test_after_power_up(self, host: Host) -> None:
        assert host.read(DEVICE_FEATURE, 4) == b"\x00\xff\xff\xff"

    @pytest.mark.parametrize("voltage_range", range(5))
    def test_takes_a_voltage_range(self, host: Host, voltage_range: int) -> None:
        data = bytes([voltage_range, 0xFF, 0xFF, 0xFF])
        assert host.write(DEVICE_FEATURE, data) == DONE
        host.abort()
        assert host.read(DEVICE_FEATURE, 4) == data

    @pytest.mark.parametrize("data", ["05 FF FF FF", "03 00 FF FF", "03", "03 FF FF", "FF FF FF FF"])
    def test_takes_nothing_else(self, host: Host, data: str) -> None:
        assert host.write(DEVICE_FEATURE, bytes.fromhex(data)) == failed(Status.TARGET)
        host.clear_status()
        assert host.read(DEVICE_FEATURE, 4) == b"\x00\xff\xff\xff"

    @pytest.mark.parametrize(
        ("voltage_range", "milliseconds"), [(None, 400), (0, 400), (1, 300), (2, 300), (3, 250), (4, 250)]
    )
    def test_sets_the_time_of_an_erase(
        self, plug: Plug, voltage_range: int | None, milliseconds: int
    ) -> None:
        host = plug(timing="real").idle()
        if voltage_range is not None:
            host.write(DEVICE_FEATURE, bytes([voltage_range, 0xFF, 0xFF, 0xFF]))
        before = host.clock.now()
        host.erase(FLASH)
        assert host.clock.now() - before == milliseconds * 1000


class TestMap:
    def test_finds_the_memory_at_an_address(self, f405: Profile) -> None:
        ram, system = Ram(f405.memory.ram[0]), SystemMemory(f405.memory.system.areas[0])
        memory = MemoryMap([ram, system])
        assert memory.find(RAM) is memory.find(0x2001FFFF) is ram
        assert memory.find(SYSTEM) is system
        assert [memory.find(at) for at in (RAM - 1, 0x20020000, NOWHERE, -1, 1 << 32)] == [None] * 5
