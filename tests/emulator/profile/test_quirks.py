"""What is told of a chip that surprises hosts, and of none that does not."""

import pytest

from dfu_emulator.profile import Profile, available, load
from dfu_emulator.profile.evidence import value_at
from dfu_emulator.profile.quirks import QUIRKS, quirks_of

FLASH = "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"
OPTIONS = "/0x1FFFC000/01*016 e"

# Of an STM32F405: the settings with which it has a quirk, those with which it has not, and what is told.
CASES = {
    "fixed serial": (
        ["usb.serial=fixed", "usb.fixed_serial=SAME"],
        ["usb.serial=uid-sum", "usb.fixed_serial=SAME"],
        "every chip says SAME",
    ),
    "serial of UID2": (["usb.serial=uid-sum-uid2"], ["usb.serial=uid-sum"], "ends in UID2"),
    "shifted serial": (["usb.serial_addend=10"], ["usb.serial_addend=0"], "the ROM adds 10"),
    "odd device status": (["usb.device_status=1"], ["usb.device_status="], "says 0x0001"),
    "silent 0x21": (["usb.lone_functional=silence"], ["usb.lone_functional=answer"], "never answered"),
    "small blocks": (["dfu.wTransferSize=1024"], ["dfu.wTransferSize=2048"], "more than 1024 bytes"),
    "layout untrue": (["flash.as_in_layout=false"], ["flash.as_in_layout=true"], "wrong sectors"),
    "flash alone": ([f"alternates=['{FLASH}']"], [], "no alternate names the option bytes"),
    "same alternates": ([f"alternates=['{FLASH}', '{FLASH}']"], [f"alternates=['{FLASH}']"], "any will do"),
    "two addresses": (
        [f"alternates.1='@Option Bytes  {OPTIONS}/0x1FFEC000/01*016 e'"],
        [f"alternates.1='@Option Bytes  {OPTIONS},01*032 e'"],
        "expects one address",
    ),
    "layout junk": (
        [f"alternates.1='@Option Bytes  {OPTIONS}@'"],
        [f"alternates.1='@Option Bytes  {OPTIONS}'"],
        "has to stop there",
    ),
    "odd string": (["alternate_tails=['00']"], ["alternate_tails=['00 00']"], "odd bLength"),
    "starts in dfuERROR": (
        ["bootloader.first_contact=errFIRMWARE"],
        ["bootloader.first_contact=dfuIDLE"],
        "send CLRSTATUS",
    ),
    "CLRSTATUS twice": (["bootloader.clrstatus=error"], ["bootloader.clrstatus=stall"], "send it again"),
    "CLRSTATUS stalls": (["bootloader.clrstatus=stall"], ["bootloader.clrstatus=ignore"], "is stalled"),
    "CLRSTATUS ignored": (["bootloader.clrstatus=ignore"], ["bootloader.clrstatus=error"], "ABORT"),
    "ABORT clears errors": (
        ["bootloader.abort_in_error=idle"],
        ["bootloader.abort_in_error=error"],
        "leads out of dfuERROR",
    ),
    "stalls DETACH": (["bootloader.detach=stall"], ["dfu.bmAttributes=3"], "bitWillDetach"),
    "no read unprotect": (["bootloader.commands=[0, 33, 65]"], [], "there is no Read Unprotect"),
    "fixed stride": (
        ["bootloader.block_size=wTransferSize", "dfu.wTransferSize=512"],
        ["bootloader.block_size=wLength"],
        "(n - 2) * 512",
    ),
    "stride of wLength": (
        ["bootloader.block_size=wLength"],
        ["bootloader.block_size=wTransferSize"],
        "(n - 2) * wLength",
    ),
    "holds GETSTATUS": (
        ["bootloader.busy=block", "bootloader.held_at=start"],
        ["bootloader.busy=block", "bootloader.held_at=next"],
        "above 32 s",
    ),
    "holds what follows": (
        ["bootloader.busy=block", "bootloader.held_at=next", "timing.flash.x8.mass_erase.max=20 s"],
        ["bootloader.busy=poll", "bootloader.held_at=next"],
        "above 20 s",
    ),
    "stalls while busy": (["bootloader.busy=stall"], ["bootloader.busy=block"], "before bwPollTimeout is up"),
    "wedges": (["bootloader.wedge_from=0x08010000"], ["bootloader.wedge_from="], "at or above 0x08010000"),
    "erase lie": (
        ["timing.poll_timeout.erase=1999"],
        ["timing.poll_timeout.erase=2000"],
        "says 1999 ms for the erase of a sector of 128K, which takes 2 s",
    ),
    "mass erase lie": (
        ["timing.poll_timeout.mass_erase=15999"],
        ["timing.poll_timeout.mass_erase=16000"],
        "says 15999 ms for a mass erase, which takes 16 s and up to 32 s",
    ),
    "voltage range": ([], None, "the flash works x8"),
    "padded writes": (["flash.write_alignment=8"], ["flash.write_alignment=1"], "multiples of 8"),
    "erases to 0x00": (["flash.erased=0"], ["flash.erased=255"], "reads 0x00"),
    "silent overwrite": (["flash.overwrite=clear-bits"], ["flash.overwrite=errPROG"], "mixes both"),
    "EEPROM": (["eeprom={start: 0x08200000, size: 2K}"], [], "without an erase"),
    "no RAM": (["ram=[]"], [], "all of the RAM"),
    "silent WRP": (["protection.wrp=silent"], ["protection.wrp=error"], "change nothing"),
    "silent RDP": (["protection.write=ignore"], ["protection.write=errVENDOR"], "change nothing"),
    "RDP denies addresses": (
        ["protection.set_address=errVENDOR"],
        ["protection.set_address=allow"],
        "even Set Address Pointer fails",
    ),
}


def words(profile: Profile) -> list[str]:
    return [quirk.word for quirk in quirks_of(profile)]


def test_all_are_tried() -> None:
    assert sorted(CASES) == sorted(quirk.word for quirk in QUIRKS)


@pytest.mark.parametrize("word", CASES)
def test_a_chip_that_has_it(word: str) -> None:
    settings, _, told = CASES[word]
    profile = load("stm32f405", settings=settings)
    (quirk,) = (quirk for quirk in quirks_of(profile) if quirk.word == word)
    assert told in quirk.consequence(profile)


@pytest.mark.parametrize("word", [word for word, case in CASES.items() if case[1] is not None])
def test_a_chip_that_does_not(word: str) -> None:
    assert word not in words(load("stm32f405", settings=CASES[word][1] or ()))


def test_one_way_of_programming_needs_no_voltage() -> None:
    assert "voltage range" not in words(load("stm32h743"))


def test_a_short_wait_is_none_to_speak_of() -> None:
    assert not {"holds GETSTATUS", "holds what follows"} & set(words(load("stm32g431")))


@pytest.mark.parametrize("name", available())
def test_each_is_one_sentence_about_a_field(name: str) -> None:
    profile = load(name)
    assert quirks_of(profile)
    for quirk in quirks_of(profile):
        value_at(profile, quirk.key)  # KeyError where there is none
        consequence = quirk.consequence(profile)
        assert "\n" not in consequence
        assert not consequence.endswith(".")
        assert "None" not in consequence
