"""What a capture tells of the chip as it was when it began."""

from pathlib import Path
from random import Random

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import FirstContact, Rdp1, SerialRule
from dfu_emulator.replay import Start
from dfu_protocol import SetupPacket, State, Status
from emulator.host import FLASH, OPTION_BYTES, OTP, SYSTEM, Host, variant
from emulator.replay import scripts
from emulator.replay.recorder import found, recorded, replayed

CONTENT = Random(1).randbytes(1 << 20)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "flash").write_bytes(CONTENT)
    return tmp_path / "flash"


def read_all_kinds(host: Host) -> None:
    """A part of the flash, option bytes, OTP and system memory."""
    host.port.device.bootloader.chip.option_bytes.areas[0].cells[0] = 0xEF
    host.port.device.bootloader.chip.map.find(OTP).write(OTP, b"serial 17")  # type: ignore[union-attr]
    for address, size in ((FLASH, 5000), (OPTION_BYTES, 16), (OTP, 528), (SYSTEM, 64)):
        scripts.upload(host, address, size)


def test_memories_hold_what_was_read_of_them(f405: Profile, image: Path) -> None:
    result = replayed(recorded(f405, read_all_kinds, image=image), f405)
    assert found(result) == []
    assert result.at_start == 5000 + 16 + 528 + 64


def test_what_was_read_must_stay_so(f405: Profile, image: Path) -> None:
    """The chip of the capture forgets the flash between two reads: nothing explains that."""

    def script(host: Host) -> None:
        scripts.upload(host, size=64)
        host.port.device.bootloader.chip.flash.cells[16:18] = b"\0\0"
        scripts.upload(host, size=64)

    (difference,) = found(replayed(recorded(f405, script, image=image), f405))
    assert difference[:3] == (
        "2 of 64 bytes, from 0x08000010 on",
        "00 00 " + CONTENT[18:32].hex(" "),
        CONTENT[16:32].hex(" "),
    )


def test_what_was_written_is_read_back(f405: Profile, image: Path) -> None:
    """Erased and written bytes are known; what a write leaves of others is not."""

    def script(host: Host) -> None:
        scripts.download(host, 5000)
        scripts.upload(host, size=0x4100)
        scripts.polled(host, 0, b"\x21" + (FLASH + 0x8000).to_bytes(4, "little"))
        scripts.polled(host, 2, bytes(range(64)))
        scripts.upload(host, FLASH + 0x8000, 64)

    result = replayed(recorded(f405, script, image=image), f405)
    assert found(result) == []
    assert result.at_start == 0x100


def test_an_image_is_held_against_the_capture(f405: Profile, image: Path) -> None:
    steps = recorded(f405, lambda host: scripts.upload(host, size=64), image=image)
    assert found(replayed(steps, f405, Start(flash=CONTENT))) == []
    (difference,) = found(replayed(steps, f405, Start(flash=b"\0" + CONTENT[1:])))
    assert difference[0] == "1 of 64 bytes, from 0x08000000 on"


def test_a_bootloader_id_is_the_profiles(f405: Profile) -> None:
    other = variant(f405, "memory.system", bootloader_id=0x55)
    place = f405.memory.system.bootloader_id_address
    assert place is not None
    steps = recorded(other, lambda host: scripts.upload(host, place, 1))
    (difference,) = found(replayed(steps, f405))
    assert difference[1:] == (
        "55",
        f405.memory.system.bootloader_id_bytes.hex(),
        ("memory.system.bootloader_id",),
    )


def protected(host: Host) -> None:
    """A host that meets read protection, lifts it, and goes on."""
    host.idle()
    assert host.set_address(FLASH).bStatus.label == "errVENDOR"
    host.idle()
    host.start_reset(b"\x92")
    host.wait_for_return()
    scripts.download(host)


def test_read_protection_is_told_by_what_it_forbids(f405: Profile) -> None:
    steps = recorded(f405, protected, rdp=1)
    result = replayed(steps, f405)
    assert found(result) == []
    assert result.rdp == 1


def test_read_protection_that_a_user_denies(f405: Profile) -> None:
    result = replayed(recorded(f405, protected, rdp=1), f405, Start(rdp=0))
    assert ("bStatus", "errVENDOR", "OK", ("protection.set_address",)) in found(result)


def test_read_protection_that_the_host_itself_sets(f405: Profile) -> None:
    def script(host: Host) -> None:
        host.idle()
        options = host.read(OPTION_BYTES, 16)
        assert host.set_address(OPTION_BYTES).bStatus.label == "OK"
        host.start_reset(options[:1] + b"\x55" + options[2:], block=2)
        host.wait_for_return()
        protected(host)

    result = replayed(recorded(f405, script), f405)
    assert found(result) == []
    assert result.rdp == 0


def test_read_protection_of_its_own_making_is_not_one_from_the_start(f405: Profile) -> None:
    """Also where the profile does not forbid what the chip forbids then."""

    def script(host: Host) -> None:
        host.idle()
        assert host.set_address(OPTION_BYTES).bStatus.label == "OK"
        host.start_reset(b"\xff\x55" + b"\xff" * 14, block=2)
        host.wait_for_return()
        protected(host)

    result = replayed(recorded(f405, script), variant(f405, "protection", set_address=Rdp1.ALLOW))
    assert {finding[3] for finding in found(result)} == {("protection.set_address",)}
    assert result.rdp == 0


def ask_for_serial(host: Host) -> None:
    host.get_status()
    for length in (2, 255, 4):
        host.port.control(SetupPacket(0x80, 6, 0x0303, 0x0409, length))


def test_the_serial_number_is_the_captures(f405: Profile) -> None:
    assert found(replayed(recorded(f405, ask_for_serial, serial="385C34733435"), f405)) == []


def test_a_serial_number_that_all_chips_have_is_the_profiles(f405: Profile) -> None:
    fixed = variant(f405, "usb", serial=SerialRule.FIXED, fixed_serial="STM32FxSTM32")
    whole, _beginning = found(replayed(recorded(f405, ask_for_serial, serial="385C34733435"), fixed))
    assert whole == ("string 3", "'385C34733435'", "'STM32FxSTM32'", ("usb.serial",))


def test_a_state_that_only_an_upload_tells(f405: Profile) -> None:
    """An earlier host has cleared the error; less than wLength is the end of an upload."""

    def script(host: Host) -> None:
        host.upload(0, 16)
        host.get_status()

    result = replayed(recorded(variant(f405, "bootloader", first_contact=FirstContact.IDLE), script), f405)
    assert found(result) == []
    assert result.begins is not None
    assert result.begins.told == (State.DFU_IDLE, Status.OK)
