"""The shipped profiles: what the F405's says, and what holds for all."""

import pytest

from dfu_emulator.profile import Profile, available, load
from dfu_emulator.profile.model import SerialRule, Span
from dfu_protocol import Access, parse_layout
from emulator.profile.roms import each_rom

MS = 1000
S = 1000 * MS


@pytest.fixture(scope="module")
def f405() -> Profile:
    return load("stm32f405")


def test_names(f405: Profile) -> None:
    assert (f405.name, f405.family, f405.part) == ("stm32f405", "STM32F4", "STM32F405RG")


def test_usb_is_what_lsusb_prints(f405: Profile) -> None:
    usb, dfu = f405.usb, f405.dfu
    assert (usb.bcdUSB, usb.idVendor, usb.idProduct, usb.bcdDevice) == (0x0100, 0x0483, 0xDF11, 0x2200)
    assert usb.bMaxPacketSize0 == 64
    assert (usb.manufacturer, usb.product) == ("STMicroelectronics", "STM32  BOOTLOADER")
    assert usb.serial is SerialRule.UID_SUM
    assert (usb.configuration.bmAttributes, usb.configuration.bMaxPower) == (0xC0, 50)
    assert (dfu.bmAttributes, dfu.wDetachTimeOut, dfu.wTransferSize, dfu.bcdDFUVersion) == (
        11,
        255,
        2048,
        0x11A,
    )
    assert f405.alternates == (
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
        "@Option Bytes  /0x1FFFC000/01*016 e",
        "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
        "@Device Feature/0xFFFF0000/01*004 e",
    )


def test_memory(f405: Profile) -> None:
    memory = f405.memory
    assert (memory.flash.start, memory.flash.size) == (0x08000000, 1024 * 1024)
    assert memory.flash.sectors == ((4, 16384), (1, 65536), (7, 131072))
    flash = memory.flash
    assert (flash.erased, flash.write_alignment, flash.program_width) == (0xFF, 4, 4)
    # AN2606: the bootloader leaves 0x20003000 to 0x2001FFFF.
    assert memory.ram == ((0x20003000, 0x20020000),)
    assert memory.system.areas == ((0x1FFF0000, 0x1FFF7800),)
    assert (memory.system.bootloader_id, memory.system.bootloader_id_address) == (0x91, 0x1FFF77DE)
    options = memory.option_bytes
    (area,) = options.areas
    assert (area.start, area.size) == (0x1FFFC000, 16)
    assert area.factory[options.rdp.offset] == options.rdp.level0 == 0xAA
    assert options.rdp.level2 == 0xCC
    (bits,) = options.wrp_bits
    assert (bits.offset, bits.bits, bits.sectors, bits.protects) == (8, 12, 1, 0)
    assert memory.otp is not None
    assert (memory.otp.start, memory.otp.size) == (0x1FFF7800, 528)
    assert memory.device_feature is not None
    assert memory.device_feature.start == 0xFFFF0000


# DS8626, table 40: typical and maximum.
@pytest.mark.parametrize(
    ("width", "erase_16k", "erase_64k", "erase_128k", "mass_erase"),
    [
        ("x8", (400, 800), (1200, 2400), (2000, 4000), (16, 32)),
        ("x16", (300, 600), (700, 1400), (1300, 2600), (11, 22)),
        ("x32", (250, 500), (550, 1100), (1000, 2000), (8, 16)),
    ],
)
def test_flash_times_of_the_data_sheet(
    f405: Profile,
    width: str,
    erase_16k: tuple[int, int],
    erase_64k: tuple[int, int],
    erase_128k: tuple[int, int],
    mass_erase: tuple[int, int],
) -> None:
    def spell(span: Span, unit: int) -> tuple[float, float]:
        return span.typ / unit, span.max / unit

    times = f405.timing.flash[width]
    assert {size: spell(span, MS) for size, span in times.erase_by_size.items()} == {
        16384: erase_16k,
        65536: erase_64k,
        131072: erase_128k,
    }
    assert spell(times.mass_erase, S) == mass_erase
    assert spell(times.program, 1) == (16, 100)


def test_other_times(f405: Profile) -> None:
    timing = f405.timing
    assert next(iter(timing.flash)) == "x8"  # AN2606: bytes, until a host sets the voltage range
    assert timing.connect == 250 * MS
    assert (timing.poll_timeout.idle, timing.poll_timeout.erase, timing.poll_timeout.set_address) == (
        0,
        100,
        104,
    )


@pytest.mark.parametrize("name", available())
def test_profile_is_called_as_its_file(name: str) -> None:
    assert load(name).name == name


def test_no_two_profiles_share_a_name() -> None:
    names = [name for shipped in available() for name in (shipped, *load(shipped).aliases)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", available())
def test_names_are_lower_case_because_looking_up_is(name: str) -> None:
    assert all(alias == alias.lower() for alias in (name, *load(name).aliases))


@each_rom
def test_first_alternate_is_the_flash_of_the_memory_map(name: str, version: str | None) -> None:
    profile = load(name, version)
    flash = profile.memory.flash
    layout = parse_layout(profile.alternates[0])
    assert layout.segments[0].address == flash.start
    assert all(Access.ERASABLE in segment.access for segment in layout.segments)
    pages = [page for segment in layout.segments for page in segment.pages()]
    told = [size for _, size in pages] == [size for count, size in flash.sectors for _ in range(count)]
    assert told is flash.as_in_layout


@each_rom
def test_a_rom_version_knows_its_name(name: str, version: str | None) -> None:
    profile = load(name, version)
    assert version in (None, profile.rom_version)
    assert bool(profile.rom_version) is bool(profile.rom_versions)
    assert load(name).rom_version not in profile.rom_versions
