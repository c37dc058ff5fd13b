"""Read protection (RDP), write protection (WRP), and what lifting them costs."""

from typing import Any

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import OptionArea, Rdp1, WriteProtection
from dfu_emulator.profile.scalars import HexBytes
from dfu_protocol import Request, State, Status
from emulator.host import CONFIGURE, FLASH, OPTION_BYTES, OTP, RAM, SYSTEM, Host, Plug, variant

DONE = (Status.OK, 0, State.DNLOAD_IDLE, 0)
VENDOR = (Status.VENDOR, 0, State.ERROR, 0)
READ_UNPROTECT = b"\x92"
ALLOW_ALL = dict.fromkeys(("read", "write", "erase", "set_address"), Rdp1.ALLOW)


def options(rdp: int = 0xAA, wrp: int = 0xFFF) -> bytes:
    """Option bytes with this protection; sectors whose bit in ``wrp`` is 0 are protected."""
    return bytes([0xFF, rdp, *b"\xff" * 6, wrp & 0xFF, wrp >> 8 | 0xF0, *b"\xff" * 6])


def set_options(host: Host, rdp: int = 0xAA, wrp: int = 0xFFF) -> None:
    """Write option bytes as a host does, which resets the device."""
    assert host.set_address(OPTION_BYTES) == DONE
    host.start_reset(options(rdp, wrp), block=2)


class TestLevel1:
    @pytest.fixture
    def host(self, plug: Plug) -> Host:
        return plug(rdp=1).idle()

    @pytest.mark.parametrize(
        "job",
        [
            (2, b"data"),
            (0, b"\x41"),
            (0, b"\x41\x00\x00\x00\x08"),
            (0, b"\x21\x00\x00\x00\x08"),
            (0, b"\x21\x00\x30\x00\x20"),
        ],
        ids=["write", "mass erase", "erase", "set address", "set address to RAM"],
    )
    def test_jobs_end_in_errvendor(self, host: Host, job: tuple[int, bytes]) -> None:
        assert host.job(*job) == VENDOR

    def test_upload_stalls_with_errvendor(self, host: Host) -> None:
        assert host.dfu(Request.UPLOAD, 2, 16).data is None
        assert host.get_status() == VENDOR

    def test_the_commands_can_still_be_asked_for(self, host: Host) -> None:
        assert host.upload(0, 4) == b"\x00\x21\x41\x92"

    @pytest.mark.parametrize("address", [FLASH, RAM, SYSTEM, OTP, OPTION_BYTES], ids=hex)
    def test_where_the_pointer_may_be_set_nothing_can_be_read_all_the_same(
        self, f405: Profile, plug: Plug, address: int
    ) -> None:
        host = plug(variant(f405, "protection", set_address=Rdp1.ALLOW), rdp=1).idle()
        assert host.set_address(address) == DONE
        host.abort()
        assert host.dfu(Request.UPLOAD, 2, 16).data is None
        assert host.get_status() == VENDOR
        host.clear_status()
        assert host.job(2, b"data") == VENDOR

    def test_memory_is_as_before(self, f405: Profile, plug: Plug) -> None:
        host = plug().idle()
        host.write(FLASH, b"code")
        set_options(host, rdp=0x55)
        host.wait_for_return().idle()
        for block, data in ((2, bytes(4)), (0, b"\x41"), (0, b"\x41\x00\x00\x00\x08")):
            assert host.job(block, data) == VENDOR
            host.clear_status()
        assert host.port.device.bootloader.chip.flash.read(FLASH, 4) == b"code"


RULES = [
    # key, the rule, the outcome of its operation
    ("write", Rdp1.VENDOR, Status.VENDOR),
    ("write", Rdp1.IGNORE, Status.OK),
    ("write", Rdp1.ALLOW, Status.OK),
    ("erase", Rdp1.VENDOR, Status.VENDOR),
    ("erase", Rdp1.IGNORE, Status.OK),
    ("erase", Rdp1.ALLOW, Status.OK),
    ("set_address", Rdp1.VENDOR, Status.VENDOR),
    ("set_address", Rdp1.IGNORE, Status.OK),
    ("set_address", Rdp1.ALLOW, Status.OK),
]


@pytest.mark.parametrize(("key", "rule", "told"), RULES)
def test_a_rule_of_level_1_rules_its_operation_alone(
    f405: Profile, plug: Plug, key: str, rule: Rdp1, told: Status
) -> None:
    """The STM32U5 takes writes at level 1 and throws them away."""
    fields: dict[str, Any] = ALLOW_ALL | {key: rule}
    host = plug(variant(f405, "protection", **fields), rdp=1).idle()
    host.port.device.bootloader.chip.flash.write(FLASH + 0x4000, b"used")
    outcomes = {
        "write": host.job(2, b"data"),
        "erase": host.idle().erase(FLASH + 0x4000),
        "set_address": host.idle().set_address(FLASH + 0x8000),
    }
    done = rule is Rdp1.ALLOW
    for name, outcome in outcomes.items():
        assert outcome.bStatus is (told if name == key else Status.OK), name
    flash = host.port.device.bootloader.chip.flash
    assert flash.read(FLASH, 4) == (b"data" if done or key != "write" else b"\xff" * 4)
    assert flash.read(FLASH + 0x4000, 4) == (b"\xff" * 4 if done or key != "erase" else b"used")
    assert host.pointer == (FLASH + 0x8000 if done or key != "set_address" else FLASH)


def test_reading_may_be_allowed_at_level_1(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "protection", read=Rdp1.ALLOW), rdp=1).idle()
    assert host.upload(2, 4) == b"\xff" * 4


class TestReadableOptionBytes:
    """Some ROMs show the option bytes of a protected chip, and nothing else."""

    SECOND = 0x1FFEC000

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        areas = (*f405.memory.option_bytes.areas, OptionArea(self.SECOND, HexBytes(b"\x12" * 16)))
        profile = variant(f405, "memory.option_bytes", areas=areas)
        rules = {"set_address": Rdp1.ALLOW, "option_bytes_readable": True}
        return plug(variant(profile, "protection", **rules), rdp=1).idle()

    def test_can_be_read(self, host: Host) -> None:
        assert host.read(OPTION_BYTES, 16) == options(rdp=0x55)
        assert host.read(self.SECOND, 16) == b"\x12" * 16

    @pytest.mark.parametrize("address", [FLASH, RAM, SYSTEM, OTP], ids=hex)
    def test_nothing_else_can(self, host: Host, address: int) -> None:
        assert host.set_address(address) == DONE
        host.abort()
        assert host.dfu(Request.UPLOAD, 2, 16).data is None
        assert host.get_status() == VENDOR

    def test_nor_what_is_outside_the_map(self, host: Host) -> None:
        host.set_address(self.SECOND)
        host.abort()
        assert host.dfu(Request.UPLOAD, 3, 16).data is None
        assert host.get_status() == VENDOR

    def test_they_cannot_be_written(self, host: Host) -> None:
        assert host.set_address(OPTION_BYTES) == DONE
        assert host.job(2, options()) == VENDOR
        host.clear_status()
        assert host.read(OPTION_BYTES, 16) == options(rdp=0x55)


def test_the_rules_of_level_1_do_not_touch_level_0(host: Host) -> None:
    assert host.write(FLASH, b"data") == DONE
    host.abort()
    assert host.read(FLASH, 4) == b"data"


class TestReadUnprotect:
    @pytest.fixture
    def locked(self, plug: Plug) -> Host:
        """A device at level 1 with something in flash, RAM and OTP."""
        host = plug().idle()
        for address in (FLASH, FLASH + 0xFFFFC, RAM, OTP):
            host.write(address, b"used")
        set_options(host, rdp=0x55, wrp=0xFFE)
        host.wait_for_return().idle()
        assert host.set_address(FLASH) == VENDOR
        host.clear_status()
        return host

    def test_erases_flash_and_ram_whatever_is_write_protected(self, locked: Host) -> None:
        assert locked.start_reset(READ_UNPROTECT) == (Status.OK, 0, State.DNBUSY, 0)
        locked.wait_for_return().idle()
        assert locked.read(FLASH, 1024 * 1024) == b"\xff" * 1024 * 1024
        assert locked.read(RAM, 4) == bytes(4)
        assert locked.read(OTP, 4) == b"used"

    def test_lifts_read_protection_and_leaves_write_protection(self, locked: Host) -> None:
        locked.start_reset(READ_UNPROTECT)
        locked.wait_for_return().idle()
        assert locked.read(OPTION_BYTES, 16) == options(rdp=0xAA, wrp=0xFFE)

    def test_nothing_happens_before_getstatus(self, locked: Host) -> None:
        locked.dnload(0, READ_UNPROTECT)
        locked.abort()
        assert locked.set_address(FLASH) == VENDOR
        assert locked.port.device.bootloader.chip.flash.read(FLASH, 4) == b"used"

    def test_there_is_no_second_getstatus(self, locked: Host) -> None:
        address = locked.port.address
        locked.dnload(0, READ_UNPROTECT)
        reply = locked.dfu(Request.GETSTATUS, length=6)
        assert reply.departure is not None
        assert reply.departure.reason is Reason.READ_UNPROTECT
        with pytest.raises(DeviceGone):
            locked.port.reset(address)

    def test_at_level_0_it_erases_and_resets_too(self, host: Host) -> None:
        host.write(FLASH, b"used")
        assert host.start_reset(READ_UNPROTECT).bState is State.DNBUSY
        assert host.wait_for_return().idle().read(FLASH, 4) == b"\xff" * 4

    @pytest.mark.parametrize("boot0", [True, False])
    def test_comes_back_by_boot0(self, plug: Plug, boot0: bool) -> None:
        host = plug(rdp=1, boot0=boot0).idle()
        host.start_reset(READ_UNPROTECT)
        host.clock.sleep(3_600_000_000)
        assert host.port.attached is boot0

    def test_is_away_for_the_mass_erase_and_the_start(self, plug: Plug) -> None:
        """16 s by bytes, and 250 ms to the USB connection."""
        host = plug(rdp=1, timing="real").idle()
        before = host.clock.now()
        assert host.start_reset(READ_UNPROTECT) == (Status.OK, 100, State.DNBUSY, 0)
        assert host.port.returns_at == before + 16_250_000
        host.clock.sleep(16_249_999)
        assert not host.port.attached
        host.clock.sleep(1)
        assert host.port.attached


class TestOptionBytesWritten:
    def test_raise_the_level(self, host: Host) -> None:
        host.write(FLASH, b"code")
        set_options(host, rdp=0x00)
        host.wait_for_return().idle()
        assert host.dfu(Request.UPLOAD, 2, 4).data is None
        assert host.get_status() == VENDOR
        assert host.port.device.bootloader.chip.flash.read(FLASH, 4) == b"code"

    def test_cannot_be_written_at_level_1(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "protection", set_address=Rdp1.ALLOW), rdp=1).idle()
        host.set_address(OPTION_BYTES)
        assert host.job(2, options()) == VENDOR
        host.clear_status()
        assert host.dfu(Request.UPLOAD, 2, 4).data is None

    def test_lowering_the_level_erases_all_where_it_is_allowed(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "protection", **ALLOW_ALL), rdp=1).idle()
        host.write(FLASH, b"code")
        host.write(RAM, b"data")
        set_options(host, rdp=0xAA)
        host.wait_for_return().idle()
        assert host.read(FLASH, 4) == b"\xff" * 4
        assert host.read(RAM, 4) == bytes(4)

    def test_keeping_a_level_erases_nothing(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "protection", **ALLOW_ALL), rdp=1).idle()
        host.write(FLASH, b"code")
        set_options(host, rdp=0x33)
        host.wait_for_return().idle()
        assert host.read(FLASH, 4) == b"code"


class TestLevel2:
    def test_there_is_no_bootloader_to_talk_to(self, plug: Plug) -> None:
        host = plug(rdp=2)
        assert not host.port.attached
        host.port.configure()  # an operating system finds nothing to configure
        with pytest.raises(DeviceGone):
            host.port.control(CONFIGURE)
        with pytest.raises(DeviceGone):
            host.get_status()

    def test_is_for_ever(self, host: Host) -> None:
        set_options(host, rdp=0xCC)
        assert host.port.returns_at is None
        host.clock.sleep(3_600_000_000)
        assert not host.port.attached


class TestWriteProtection:
    """Sectors 0 and 11 are protected."""

    @pytest.fixture
    def silent(self, plug: Plug) -> Host:
        return self.prepare(plug())

    @pytest.fixture
    def telling(self, f405: Profile, plug: Plug) -> Host:
        return self.prepare(plug(variant(f405, "protection", wrp=WriteProtection.ERROR)))

    def prepare(self, host: Host) -> Host:
        host.idle()
        for address in (FLASH, FLASH + 0x4000, FLASH + 0xE0000):
            host.write(address, b"used")
        set_options(host, wrp=0x7FE)
        return host.wait_for_return().idle()

    @pytest.mark.parametrize("address", [FLASH, FLASH + 0x3FFF, FLASH + 0xE0000], ids=hex)
    def test_silent_erase(self, silent: Host, address: int) -> None:
        assert silent.erase(address) == DONE
        silent.abort()
        assert silent.read(FLASH, 4) == silent.read(FLASH + 0xE0000, 4) == b"used"

    @pytest.mark.parametrize("address", [FLASH, FLASH + 0x3FFF, FLASH + 0xE0000], ids=hex)
    def test_telling_erase(self, telling: Host, address: int) -> None:
        assert telling.erase(address) == (Status.ERASE, 0, State.ERROR, 0)
        telling.clear_status()
        assert telling.read(FLASH, 4) == telling.read(FLASH + 0xE0000, 4) == b"used"

    def test_silent_write(self, silent: Host) -> None:
        assert silent.write(FLASH, bytes(4)) == DONE
        silent.abort()
        assert silent.read(FLASH, 4) == b"used"

    def test_telling_write(self, telling: Host) -> None:
        assert telling.write(FLASH, bytes(4)) == (Status.WRITE, 0, State.ERROR, 0)
        telling.clear_status()
        assert telling.read(FLASH, 4) == b"used"

    def test_a_write_across_the_border_stores_what_is_not_protected(self, silent: Host) -> None:
        assert silent.write(FLASH + 0x3FF8, bytes(16)) == DONE
        silent.abort()
        assert silent.read(FLASH + 0x3FF8, 16) == b"\xff" * 8 + bytes(8)
        assert silent.write(FLASH + 0xDFFF8, bytes(16)) == DONE
        silent.abort()
        assert silent.read(FLASH + 0xDFFF8, 16) == bytes(8) + b"used" + b"\xff" * 4

    def test_mass_erase_erases_nothing_where_one_sector_is_protected(
        self, silent: Host, telling: Host
    ) -> None:
        assert silent.mass_erase() == DONE
        assert telling.mass_erase() == (Status.ERASE, 0, State.ERROR, 0)
        for host in (silent.idle(), telling.idle()):
            assert host.read(FLASH + 0x4000, 4) == b"used"

    def test_other_sectors_are_free(self, silent: Host, telling: Host) -> None:
        for host in (silent, telling):
            assert host.erase(FLASH + 0x4000) == DONE
            assert host.write(FLASH + 0x4000, b"more") == DONE
            host.abort()
            assert host.read(FLASH + 0x4000, 4) == b"more"

    def test_reading_is_free(self, silent: Host) -> None:
        assert silent.read(FLASH, 4) == b"used"

    def test_can_be_lifted(self, silent: Host) -> None:
        set_options(silent)
        silent.wait_for_return().idle()
        assert silent.erase(FLASH) == DONE
        silent.abort()
        assert silent.read(FLASH, 4) == b"\xff" * 4


def test_a_mass_erase_that_write_protection_ignores_takes_no_time(plug: Plug) -> None:
    host = plug(timing="real").idle()
    host.port.device.bootloader.chip.option_bytes.areas[0].cells[8] = 0xFE  # sector 0
    host.dnload(0, b"\x41")
    host.get_status()
    reply = host.dfu(Request.GETSTATUS, length=6)
    assert reply.hold == 0
