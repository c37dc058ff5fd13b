"""Drafts of profiles: which one they extend, what they say, and that a host sees what was read."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from msgspec import structs

from dfu_emulator.draft import draft_profile
from dfu_emulator.profile import Profile, ProfileError, available, evidence_for, load
from dfu_emulator.profile.model import Evidence, EvidenceKind, SerialRule
from dfu_emulator.profile.shipped import SHIPPED
from dfu_emulator.survey import Survey, SurveyError
from dfu_emulator.survey.dfu_util import read_list
from dfu_emulator.survey.lsusb import read_lsusb
from emulator.host import plugged, variant
from emulator.survey.boards import survey_of
from emulator.survey.texts import EXCERPT, LIST, LSUSB, SERIAL

ROMS = [(name, version) for name in available() for version in (None, *load(name).rom_versions)]
SCHEMA = Draft202012Validator(json.loads((SHIPPED / "schema.json").read_text()))
Load = Callable[[str], Profile]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    def load_it(text: str) -> Profile:
        path = tmp_path / "draft.yaml"
        path.write_text(text, "utf-8")
        return load(str(path))

    return load_it


def make(survey: Survey, **options: Any) -> str:
    return draft_profile(survey, name="mine", source="a test", **options).text


def seen(profile: Profile) -> tuple[bytes, bytes, list[bytes]]:
    """Descriptors and strings that a host gets to see, all with one serial number."""
    with plugged(profile, serial="SAME") as host:
        device = host.port.device
        return device.device_descriptor, device.configuration_descriptor, device.strings


def comments(text: str) -> str:
    """The paragraphs at the beginning, unwrapped."""
    return " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))


def evidence(profile: Profile, key: str) -> Evidence:
    found = evidence_for(profile, key)
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "rom_version"), ROMS)
def test_an_emulated_chip_is_recognised(name: str, rom_version: str | None, load_text: Load) -> None:
    """It extends the chip, or one that a host cannot tell from it; and adds nothing that is not there."""
    chip = load(name, rom_version)
    drafted = draft_profile(survey_of(chip), name="mine", source="a test")
    made = load_text(drafted.text)
    assert seen(made) == seen(chip)
    same = load(drafted.base.name, drafted.base.rom_version)
    assert seen(same) == seen(chip)
    assert structs.replace(made, name=same.name, evidence=same.evidence) == same
    own = set(yaml.safe_load(drafted.text)) - {"extends", "name", "evidence"}
    assert own <= (
        {"rom_version", *same.rom_versions[same.rom_version]} if drafted.base.rom_version else set()
    )
    assert name == drafted.base.name or name in comments(drafted.text)


def test_those_that_cannot_be_told_apart_are_named() -> None:
    text = make(survey_of(load("stm32f411")))
    assert "extends: stm32f411\n" in text  # not stm32f401re: of that none has been seen
    assert "As near to what was read: stm32f401re. If it is one of these, change 'extends'." in comments(text)
    assert "Near, too: stm32f446, but for the serial number." in comments(text)


def test_roms_that_cannot_be_told_apart_are_named() -> None:
    text = comments(make(survey_of(load("stm32h743", "rev Y"))))
    assert "A host cannot tell it from ROM rev Y of the same chip, which --rom-version chooses." in text


def test_a_user_may_know_better() -> None:
    survey = survey_of(load("stm32f411"))
    assert "extends: stm32f401re\n" in make(survey, extends="STM32F401RET6")
    text = make(survey, extends="stm32g431")
    assert yaml.safe_load(text)["alternates"] == list(survey.alternates)
    assert "It extends stm32g431; stm32f411 would fit better." in comments(text)
    with pytest.raises(ProfileError, match="did you mean 'stm32f411'"):
        make(survey, extends="stm32f4111")


def test_what_differs_is_said_and_how_it_is_known(load_text: Load) -> None:
    chip = load("stm32f405")
    chip = variant(chip, "usb", bcdDevice=0x2300, product="STM32  BOOT: #1")
    chip = variant(chip, "timing.poll_timeout", set_address=12)
    text = make(survey_of(chip))
    assert "  bcdDevice: 0x2300\n" in text
    assert yaml.safe_load(text)["usb"] == {"bcdDevice": 0x2300, "product": "STM32  BOOT: #1"}
    assert yaml.safe_load(text)["timing"] == {"poll_timeout": {"set_address": 12}}
    assert "Different: usb.bcdDevice, usb.product, timing.poll_timeout.set_address." in comments(text)
    made = load_text(text)
    assert made.name == "mine"
    for key in ("usb.bcdDevice", "usb.product", "alternates.3", "timing.poll_timeout.set_address"):
        assert (evidence(made, key).kind, evidence(made, key).source) == (EvidenceKind.HARDWARE, "a test")
    assert evidence(made, "memory.flash.sectors").source != "a test"


def test_another_rom_brings_what_is_known_of_it(load_text: Load) -> None:
    chip = load("stm32f405", "2100")
    made = load_text(make(survey_of(chip)))
    assert made.memory == chip.memory
    assert evidence(made, "alternates.1").source == "a test"
    assert evidence(made, "memory.ram").kind is EvidenceKind.INFERRED


@pytest.mark.parametrize("read", [LSUSB, LIST], ids=["lsusb", "list"])
def test_a_chip_that_is_not_known(read: str, load_text: Load) -> None:
    (survey,) = read_lsusb(read) if read is LSUSB else read_list(read)
    text = make(survey)
    made = load_text(text)
    assert made.alternates == survey.alternates
    assert "It is not much like any: check all that it inherits." in comments(text)
    flash, otp = made.memory.flash, made.memory.otp
    assert (flash.start, flash.sectors, flash.as_in_layout) == (0x08000000, ((24, 4096),), True)
    assert all(4096 in times.erase_by_size for times in made.timing.flash.values())
    assert otp is not None
    assert (otp.start, otp.size) == (0x0BFA0000, 512)
    assert [(area.start, area.size) for area in made.memory.option_bytes.areas] == [(0x40022020, 24)]
    assert evidence(made, "memory.flash.sectors").kind is EvidenceKind.INFERRED
    assert evidence(made, "alternates.0").kind is EvidenceKind.HARDWARE


def test_a_smaller_chip_of_a_known_family(load_text: Load) -> None:
    chip = load("stm32g474")
    names = ("@Internal Flash   /0x08000000/128*02Kg", *chip.alternates[1:])
    made = load_text(make(survey_of(structs.replace(chip, alternates=names))))
    assert (
        structs.replace(
            made,
            name=chip.name,
            alternates=chip.alternates,
            evidence=chip.evidence,
            memory=structs.replace(made.memory, flash=chip.memory.flash),
        )
        == chip
    )
    assert made.memory.flash.sectors == ((128, 2048),)


def test_a_layout_with_a_gap_is_not_the_flash(load_text: Load) -> None:
    chip = load("stm32g431")
    name = "@Internal Flash   /0x08000000/32*02Kg/0x08040000/32*02Kg"
    made = load_text(make(survey_of(structs.replace(chip, alternates=(name, *chip.alternates[1:])))))
    assert made.alternates[0] == name
    assert (made.memory.flash.sectors, made.memory.flash.as_in_layout) == (((32, 2048),), False)


@pytest.mark.parametrize(("size", "factory"), [(8, "A55AFF00FF00FF00"), (18, "A55A" + "FF00" * 8)])
def test_option_bytes_elsewhere_keep_their_complements(size: int, factory: str, load_text: Load) -> None:
    chip = load("stm32f107")
    names = (chip.alternates[0], f"@Option Bytes  /0x40022000/01*{size:03d} e")
    options = load_text(make(survey_of(structs.replace(chip, alternates=names)))).memory.option_bytes
    (area,) = options.areas
    assert (area.start, area.factory.hex().upper()) == (0x40022000, factory)
    assert all(bits.offset + 1 <= size for bits in options.wrp_bits)


def test_option_bytes_that_cannot_be_the_chip_s_are_left(load_text: Load) -> None:
    chip = load("stm32f107")
    names = (chip.alternates[0], "@Option Bytes  /0x40022000/01*007 e")  # half a complement
    made = load_text(make(survey_of(structs.replace(chip, alternates=names))))
    assert made.memory == chip.memory


def test_memories_on_top_of_others_stay_where_the_base_has_them(load_text: Load) -> None:
    chip = load("stm32g431")
    names = (chip.alternates[0], "@Option Bytes   /0x1FFF7000/01*512 e", chip.alternates[2])
    text = make(survey_of(structs.replace(chip, alternates=names)))
    made = load_text(text)
    assert (made.alternates, made.memory) == (names, chip.memory)
    assert "So is where all memories but the flash are" in comments(text)


def test_a_string_that_lies_is_left_to_lie(load_text: Load) -> None:
    """Where a shipped profile knows better than the string, the draft does, too."""
    chip = load("stm32f405")
    name = chip.alternates[0].replace("Internal", "INTERNAL")
    made = load_text(make(survey_of(structs.replace(chip, alternates=(name, *chip.alternates[1:])))))
    assert made.alternates[0] == name
    assert made.memory == chip.memory


def test_names_that_an_excerpt_lacks_are_the_base_s(load_text: Load) -> None:
    (survey,) = read_lsusb(EXCERPT)
    text = make(survey)
    made = load_text(text)
    assert made.alternates == load("stm32f411").alternates
    assert "Only 2 of 4 alternate settings could be read; the others, too, are as there." in comments(text)
    assert evidence(made, "alternates.1").source == "a test"
    assert evidence(made, "alternates.2").source != "a test"


def test_a_board_with_fewer_names(load_text: Load) -> None:
    chip = load("stm32f405")
    text = make(survey_of(structs.replace(chip, alternates=chip.alternates[:2])))
    assert load_text(text).alternates == chip.alternates[:2]
    assert "Not on the board: alternates.2, alternates.3." in comments(text)


class TestSerial:
    def test_a_boards_own_is_not_kept(self) -> None:
        assert SERIAL not in make(read_lsusb(LSUSB)[0])
        survey = survey_of(load("stm32h743"), serial=SERIAL)
        text = make(survey)
        assert SERIAL not in text
        assert "The board's serial number is not such as that chip makes." in comments(text)

    def test_unless_it_is_wanted(self, load_text: Load) -> None:
        made = load_text(make(read_lsusb(LSUSB)[0], keep_serial=True))
        assert (made.usb.serial, made.usb.fixed_serial) == (SerialRule.FIXED, SERIAL)

    def test_one_that_many_chips_show_is_no_secret(self, load_text: Load) -> None:
        chip = load("stm32f405")
        made = load_text(make(survey_of(chip, serial="STM32FxSTM32")))
        assert (made.usb.serial, made.usb.fixed_serial) == (SerialRule.FIXED, "STM32FxSTM32")

    def test_it_tells_chips_apart(self) -> None:
        survey = survey_of(load("stm32f401re"))
        assert "extends: stm32f446\n" in make(replace(survey, serial="STM32FxSTM32"))
        assert "extends: stm32f411\n" in make(survey)


def test_a_device_whose_names_are_no_memories() -> None:
    (survey,) = read_lsusb(LSUSB.replace("@Option Bytes   /0x40022020/01*24 e", "@Option Bytes"))
    with pytest.raises(SurveyError, match="alternate setting 1 is no STM32's: no /ADDRESS/COUNT"):
        make(survey)


def test_a_flash_that_cannot_be() -> None:
    (survey,) = read_list(LIST.replace("0x08000000/24*04K", "0x08000000/3000*1M"))
    with pytest.raises(SurveyError) as raised:
        make(survey)
    assert "no profile of this device could be made from a shipped one: memory." in str(raised.value)


def test_editors_accept_a_draft() -> None:
    chip = structs.replace(load("stm32f405"), alternate_tails=(b"", b"\x00"))
    for survey in (survey_of(chip), read_lsusb(LSUSB)[0], read_lsusb(EXCERPT)[0]):
        errors = [error.message for error in SCHEMA.iter_errors(yaml.safe_load(make(survey)))]
        assert errors == []
