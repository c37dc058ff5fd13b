"""Well-known values of every family, and how they are known: seen on a chip, written down, or deduced."""

import re

import pytest

from dfu_emulator.profile import available, evidence_for, load
from dfu_emulator.profile.evidence import value_at
from dfu_emulator.profile.model import BusyModel, ClrStatus, EvidenceKind, FirstContact, LoneFunctional, Rdp1
from emulator.profile.roms import each_rom

SEEN, WRITTEN, DEDUCED = EvidenceKind.HARDWARE, EvidenceKind.DOCUMENT, EvidenceKind.INFERRED


@pytest.mark.parametrize(
    ("chip", "path", "value", "kind"),
    [
        ("stm32c071", "alternates.0", "@Internal Flash   /0x08000000/64*02Kg", DEDUCED),
        ("stm32c071", "timing.connect", 552_000, WRITTEN),
        ("stm32c562", "bootloader.clrstatus", ClrStatus.STALL, SEEN),
        ("stm32c562", "usb.lone_functional", LoneFunctional.SILENCE, SEEN),
        ("stm32c562", "dfu.wTransferSize", 1024, SEEN),
        ("stm32f042", "usb.fixed_serial", "FFFFFFFEFFFF", SEEN),
        ("stm32f042", "usb.bcdUSB", 0x0100, DEDUCED),
        ("stm32f072", "dfu.wTransferSize", 2048, SEEN),
        ("stm32f072", "bootloader.busy", BusyModel.STALL, SEEN),
        ("stm32f042", "bootloader.busy", BusyModel.STALL, DEDUCED),
        ("stm32f072", "memory.option_bytes.rdp.level0", 0xAA, DEDUCED),
        ("stm32f070f6", "usb.fixed_serial", "FFFFFFFEFFFF", DEDUCED),
        ("stm32f070f6", "usb.bcdDevice", 0x2200, DEDUCED),
        ("stm32f107", "usb.product", "STM32 0x418 DFU Bootloader", SEEN),
        ("stm32f107", "usb.bcdUSB", 0x0100, SEEN),
        ("stm32f107", "usb.device_status", 0, SEEN),
        ("stm32f107", "protection.set_address", Rdp1.ALLOW, WRITTEN),
        ("stm32f107", "bootloader.first_contact", FirstContact.IDLE, DEDUCED),
        ("stm32f107", "memory.option_bytes.rdp.level0", 0xA5, WRITTEN),
        ("stm32f107", "memory.option_bytes.rdp.level2", None, WRITTEN),
        ("stm32f205", "alternates.2", "@OTP Memory /0x1FFF7800/01*512 e,01*016 e", DEDUCED),
        ("stm32f205", "usb.product", "STM32  BOOTLOADER", DEDUCED),
        ("stm32f303cc", "alternates.0", "@Internal Flash  /0x08000000/128*0002Kg", SEEN),
        ("stm32f303re", "alternates.0", "@Internal Flash  /0x08000000/256*0002Kg", DEDUCED),
        ("stm32f303cc", "memory.option_bytes.rdp.level0", 0xAA, DEDUCED),
        ("stm32f405", "usb.product", "STM32  BOOTLOADER", SEEN),
        ("stm32f405", "bootloader.first_contact", FirstContact.ERR_FIRMWARE, SEEN),
        ("stm32f405", "timing.flash.x8.mass_erase.typ", 16_000_000, WRITTEN),
        ("stm32f413", "usb.product", "STM32  BOOTLOADER", DEDUCED),
        ("stm32f413", "timing.flash.x8.erase.16K.typ", 400_000, DEDUCED),
        ("stm32f401cc", "timing.poll_timeout.erase", 100, SEEN),
        ("stm32f411", "usb.bcdDevice", 0x2200, SEEN),
        ("stm32f411", "timing.flash.x8.mass_erase.typ", 8_000_000, WRITTEN),
        ("stm32f412", "usb.serial_addend", 0x0A, SEEN),
        ("stm32f446", "usb.fixed_serial", "STM32FxSTM32", SEEN),
        ("stm32f722", "alternates.2", "@OTP Memory /0x1FF07800/01*528e", SEEN),
        ("stm32f745", "bootloader.busy", BusyModel.BLOCK, SEEN),
        ("stm32f745", "alternates.1", "@Option Bytes  /0x1FFF0000/01*032 e", DEDUCED),
        ("stm32f745", "memory.flash.write_alignment", 4, SEEN),
        ("stm32f767", "memory.flash.write_alignment", 8, WRITTEN),
        ("stm32g0b1", "alternates.2", "@Internal Flash   /0x08000000/64*02Kg", SEEN),
        ("stm32g0b1", "dfu.wTransferSize", 1024, SEEN),
        ("stm32g0b1", "bootloader.first_contact", FirstContact.IDLE, SEEN),
        ("stm32g431", "alternates.1", "@Option Bytes   /0x1FFF7800/01*40Be", SEEN),
        ("stm32g431", "timing.flash.x64.erase.2K.max", 24_470, WRITTEN),
        ("stm32g491", "timing.flash.x64.erase.2K.max", 24_470, DEDUCED),
        ("stm32h503", "memory.otp.start", 0x08FFF000, WRITTEN),
        ("stm32h563", "alternates.0", "@Internal Flash   /0x08000000/256*08Kg", WRITTEN),
        ("stm32h563", "alternates.1", "@Option Bytes   /0x40022050/01*8 e", DEDUCED),
        ("stm32h743", "bootloader.wedge_from", 0x08100000, SEEN),
        ("stm32h743", "usb.fixed_serial", "200364500000", SEEN),
        ("stm32h743", "timing.poll_timeout.erase", 1000, SEEN),
        ("stm32h723", "timing.poll_timeout.erase", 1000, DEDUCED),
        ("stm32h743", "memory.flash.program_width", 32, DEDUCED),
        ("stm32h7a3", "memory.flash.write_alignment", 4, SEEN),
        ("stm32l083", "alternates.0", "@Internal Flash  /0x08000000/1536*128g", SEEN),
        ("stm32l083", "memory.flash.erased", 0x00, WRITTEN),
        ("stm32l083", "memory.eeprom.size", 6 * 1024, SEEN),
        ("stm32l152rc", "memory.flash.erased", 0x00, WRITTEN),
        ("stm32l152re", "alternates.0", "@Internal Flash  /0x08000000/2048*256 g", DEDUCED),
        ("stm32l452", "alternates.3", "@Device Feature/0xFFFF0000/01*004 e", SEEN),
        ("stm32l476", "alternates.3", "@Device Feature/0xFFFF0000/01*004 e", DEDUCED),
        ("stm32l476", "bootloader.busy", BusyModel.STALL, SEEN),
        ("stm32l4r9", "memory.option_bytes.areas.1.start", 0x1FF01000, SEEN),
        ("stm32l552", "alternates.0", "@Internal Flash   /0x08000000/256*02Kg", DEDUCED),
        ("stm32u073", "memory.flash.write_alignment", 8, WRITTEN),
        ("stm32u585", "protection.write", Rdp1.IGNORE, SEEN),
        ("stm32u585", "memory.otp.start", 0x0BFA0000, SEEN),
        ("stm32u585", "timing.flash.x128.program.typ", 118, WRITTEN),
        ("stm32u5a5", "timing.flash.x128.program.typ", 118, DEDUCED),
        ("stm32wb55", "alternates.0", "@Internal Flash   /0x08000000/256*04Kg", WRITTEN),
        ("stm32wb55", "memory.ram.0", (0x20004000, 0x2000C000), WRITTEN),
    ],
)
def test_a_known_value_and_how_it_is_known(chip: str, path: str, value: object, kind: EvidenceKind) -> None:
    profile = load(chip)
    evidence = evidence_for(profile, path)
    assert value_at(profile, path) == value
    assert evidence is not None
    assert evidence.kind is kind


@pytest.mark.parametrize("name", available())
def test_what_belongs_to_one_generation_of_roms_comes_together(name: str) -> None:
    profile = load(name)
    newer = profile.usb.bcdDevice == 0x0200
    assert (profile.usb.product == "DFU in FS Mode") is newer
    assert profile.dfu.wTransferSize == (1024 if newer else 2048)
    assert ("   /" in profile.alternates[0]) is newer


@pytest.mark.parametrize("name", available())
def test_factory_option_bytes_protect_nothing(name: str) -> None:
    profile = load(name)
    options = profile.memory.option_bytes
    assert options.areas[0].factory[options.rdp.offset] == options.rdp.level0
    for group in options.wrp_bits:
        cells = options.areas[group.area].factory
        bits = int.from_bytes(cells[group.offset :], "little") >> group.first_bit
        assert bits & ((1 << group.bits) - 1) == (0 if group.protects else (1 << group.bits) - 1)
    for limits in options.wrp_ranges:
        cells = options.areas[limits.area].factory
        assert cells[limits.first] > cells[limits.last]


@each_rom
def test_sources_are_for_readers(name: str, version: str | None) -> None:
    """Something that can be looked up or judged: no paths or numbers of somebody's collection."""
    for evidence in load(name, version).evidence:
        assert len(evidence.source) > 10
        assert not re.search(r"file id|index|dumps?/|\.txt\b|\b[0-9]{8,}", evidence.source), evidence.source
