"""The chip: what counts as an application, and what a reset undoes."""

from struct import pack

import pytest

from dfu_emulator.chip import Chip
from dfu_emulator.memory import MemoryFault
from dfu_emulator.profile import Profile
from emulator.host import FLASH, NOWHERE, RAM, variant


@pytest.fixture
def chip(f405: Profile) -> Chip:
    return Chip(f405)


@pytest.mark.parametrize(
    ("stack", "reset", "runs"),
    [
        (0x20020000, FLASH + 0x201, True),  # the end of SRAM is where a full stack begins
        (0x20000004, FLASH + 0x201, True),
        (0x20000000, FLASH + 0x201, False),  # no room for a push
        (0x20020004, FLASH + 0x201, False),
        (0x10010000, FLASH + 0x201, True),  # CCM
        (0x10010004, FLASH + 0x201, False),
        (0x2001FFFE, FLASH + 0x201, False),  # not a multiple of 4
        (0x20020000, FLASH + 0x200, False),  # no Thumb code
        (0x20020000, 0x080FFFFF, True),
        (0x20020000, 0x08100001, False),
        (0x20020000, RAM + 1, True),
        (0x20020000, NOWHERE + 1, False),
        (0x20020000, 0, False),
        (0xFFFFFFFF, 0xFFFFFFFF, False),  # erased
        (0, 0, False),
    ],
    ids=lambda value: f"{value:08X}" if value > 1 else None,
)
def test_an_application_has_a_stack_in_ram_and_thumb_code(
    chip: Chip, stack: int, reset: int, runs: bool
) -> None:
    chip.flash.write(FLASH, pack("<II", stack, reset))
    assert chip.is_executable(FLASH) is runs


def test_an_application_may_be_anywhere_in_memory(chip: Chip) -> None:
    vectors = pack("<II", 0x20020000, FLASH + 0x201)
    for address in (FLASH + 0x8000, FLASH + 0xFFFF8):
        chip.flash.write(address, vectors)
        assert chip.is_executable(address)
    chip.ram[0].write(RAM + 0x100, vectors)
    assert chip.is_executable(RAM + 0x100)


@pytest.mark.parametrize("address", [NOWHERE, 0, FLASH + 0xFFFFC, 0x08100000, 0x1FFFC00C])
def test_where_no_vector_table_fits_nothing_runs(chip: Chip, address: int) -> None:
    assert not chip.is_executable(address)


@pytest.mark.parametrize(("boot0", "rdp", "rom"), [(True, 0, True), (True, 1, True), (True, 2, False)])
def test_boots_into_the_rom_by_boot0_but_not_at_level_2(
    f405: Profile, boot0: bool, rdp: int, rom: bool
) -> None:
    chip = Chip(f405, boot0=boot0)
    chip.option_bytes.rdp_level = rdp
    assert chip.boots_into_rom() is rom
    chip.boot0 = False
    assert not chip.boots_into_rom()


def test_a_reset_keeps_memory_and_undoes_faults_and_the_voltage_range(chip: Chip) -> None:
    feature = chip.device_feature
    assert feature
    chip.flash.write(FLASH, b"code")
    chip.ram[0].write(RAM, b"data")
    feature.write(0xFFFF0000, b"\x03\xff\xff\xff")
    assert chip.width == "x32"
    with pytest.raises(MemoryFault):
        chip.flash.write(FLASH, b"odd")
    chip.reset()
    assert chip.width == "x8"
    chip.flash.write(FLASH + 4, b"more")
    assert chip.flash.read(FLASH, 8) == b"codemore"
    assert chip.ram[0].read(RAM, 4) == b"data"


def test_unprotect_erases_flash_and_ram_and_nothing_else(chip: Chip) -> None:
    (options,) = chip.option_bytes.areas
    (ram,) = chip.ram
    options.write(0x1FFFC000, bytes.fromhex("EF 55 FF FF FF FF FF FF 00 F0 FF FF FF FF FF FF"))
    for address, memory in ((FLASH, chip.flash), (RAM, ram)):
        memory.write(address, b"gone")
    otp = chip.map.find(0x1FFF7800)
    assert otp
    otp.write(0x1FFF7800, b"kept")
    chip.unprotect()
    assert chip.flash.read(FLASH, 1024 * 1024) == b"\xff" * 1024 * 1024
    assert ram.read(RAM, 0x1D000) == bytes(0x1D000)
    assert otp.read(0x1FFF7800, 4) == b"kept"
    unprotected = bytes.fromhex("EF AA FF FF FF FF FF FF 00 F0 FF FF FF FF FF FF")
    assert options.read(0x1FFFC000, 16) == unprotected


def test_a_chip_without_otp_or_device_feature(f405: Profile) -> None:
    chip = Chip(variant(f405, "memory", otp=None, device_feature=None))
    assert chip.map.find(0x1FFF7800) is None
    assert chip.map.find(0xFFFF0000) is None
    assert chip.width is None
    chip.reset()
