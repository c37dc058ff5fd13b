"""One-time programmable memory, RAM, system memory and the device feature bytes, as a host meets them."""

import pytest
from msgspec.structs import replace

from dfu_emulator.memory import MemoryMap, Ram, SystemMemory, system_memory
from dfu_emulator.profile import Profile
from dfu_protocol import State, Status
from emulator.host import DEVICE_FEATURE, FLASH, NOWHERE, OTP, RAM, SYSTEM, Host, Plug

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
