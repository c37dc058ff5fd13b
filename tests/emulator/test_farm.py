"""Files that list several chips."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dfu_emulator.emulation import ChipOptions
from dfu_emulator.farm import read_farm
from dfu_emulator.profile import ProfileError
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "farm.yaml"
        path.write_text(text)
        return path

    return write


def test_all_keys(write: Write, tmp_path: Path) -> None:
    farm = write(
        """
        chips:
          - profile: stm32f405
            image: one.bin
            serial: ABC
            uid: 00000001-00000002-00000003
            rdp: 1
            boot0: low
            timing: real
        """
    )
    ((profile, options),) = read_farm(farm, ChipOptions())
    assert profile.name == "stm32f405"
    assert options == ChipOptions(
        image=tmp_path / "one.bin", serial="ABC", unique_id=(1, 2, 3), rdp=1, boot0=False, timing="real"
    )


def test_a_scenario_beside_the_farm_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text("set: {dfu.wTransferSize: 1024}\n")
    farm = write("chips:\n- {profile: stm32f405, scenario: ./small.yaml, seed: 5}\n- profile: stm32f405\n")
    (small, options), (large, others) = read_farm(farm, ChipOptions(seed=3))
    assert (small.dfu.wTransferSize, large.dfu.wTransferSize) == (1024, 2048)
    assert (options.scenario, options.seed) == (str(tmp_path / "small.yaml"), 5)
    assert (others.scenario, others.seed) == (None, 3)


def test_a_seed_without_a_scenario(write: Write) -> None:
    farm = write("chips:\n- profile: stm32f405\n  seed: 5\n")
    with pytest.raises(ProfileError, match=r"farm\.yaml:3: chips\.0\.seed: goes with the key 'scenario'"):
        read_farm(farm, ChipOptions())
    ((_, options),) = read_farm(farm, ChipOptions(scenario="flaky-cable"))
    assert (options.scenario, options.seed) == ("flaky-cable", 5)


def test_a_scenario_that_is_none(write: Write) -> None:
    farm = write("chips:\n- profile: stm32f405\n  scenario: nothing-like-it\n")
    with pytest.raises(ProfileError, match=r"farm\.yaml:3: chips\.0\.scenario: no scenario is called"):
        read_farm(farm, ChipOptions())


def test_what_is_left_out_is_as_on_the_command_line(write: Write) -> None:
    farm = write("chips:\n- profile: stm32f405\n- {profile: STM32F405, rdp: 0, boot0: high, timing: fast}\n")
    (_, first), (_, second) = read_farm(farm, ChipOptions(rdp=2, boot0=False, timing="real"))
    assert (first.rdp, first.boot0, first.timing) == (2, False, "real")
    assert (second.rdp, second.boot0, second.timing) == (0, True, "fast")


def test_chips_without_a_unique_id_are_neighbours(write: Write) -> None:
    farm = write("chips:\n" + "- profile: stm32f405\n" * 3)
    x, y, z = DEFAULT_UNIQUE_ID
    assert [options.unique_id for _, options in read_farm(farm, ChipOptions())] == [
        (x, y, z),
        (x + 1, y, z),
        (x + 2, y, z),
    ]


def test_a_profile_beside_the_farm_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: stm32f405\nname: mine\n")
    ((profile, _),) = read_farm(write("chips: [{profile: ./mine.yaml}]"), ChipOptions())
    assert profile.name == "mine"


def test_roms_and_settings(write: Write) -> None:
    farm = write(
        """
        chips:
          - profile: stm32f405
            rom_version: "2100"
            set:
              flash.size: 512K
              usb: { product: Left }
          - profile: stm32f405
        """
    )
    (left, right) = (profile for profile, _ in read_farm(farm, ChipOptions()))
    assert (left.usb.bcdDevice, left.usb.product, left.memory.flash.size) == (0x2100, "Left", 512 << 10)
    assert (right.usb.bcdDevice, right.usb.product, right.memory.flash.size) == (
        0x2200,
        "STM32  BOOTLOADER",
        1 << 20,
    )


def test_roms_and_settings_of_the_command_line(write: Write) -> None:
    farm = write(
        """
        chips:
          - profile: stm32f405
            rom_version: "2200"
            set: { usb.product: Own }
          - profile: stm32f405
        """
    )
    settings = ["usb.product=Common", "flash.size=512K"]
    (own, common) = (profile for profile, _ in read_farm(farm, ChipOptions(), "2100", settings))
    assert (own.usb.bcdDevice, own.usb.product) == (0x2200, "Own")
    assert (common.usb.bcdDevice, common.usb.product) == (0x2100, "Common")
    assert own.memory.flash.size == common.memory.flash.size == 512 << 10


# What follows 'chips:'; then line, key, message.
WRONG = [
    (" 3", 1, "chips", "expected a list, found the number 3"),
    (" []", 1, "chips", "expected a list of at least 1, found one of 0"),
    ("\n- stm32f405", 2, "chips.0", "expected a mapping, found the text 'stm32f405'"),
    ("\n- rdp: 0", 2, "chips.0", "the key 'profile' is missing"),
    ("\n- profile: stm32f405\n- profile: stm32f4005", 3, "chips.1.profile", "did you mean 'stm32f405'?"),
    ("\n- profile: stm32f405\n  serail: A", 3, "chips.0.serail", "unknown key; did you mean 'serial'?"),
    ("\n- profile: stm32f405\n  rdp: 3", 3, "chips.0.rdp", "expected a whole number from 0 to 2"),
    ("\n- profile: stm32f405\n  rdp: '1'", 3, "chips.0.rdp", "expected a whole number"),
    ("\n- profile: stm32f405\n  boot0: true", 3, "chips.0.boot0", "expected one of high, low, found true"),
    ("\n- profile: stm32f405\n  timing: slow", 3, "chips.0.timing", "expected one of fast, real"),
    ("\n- profile: stm32f405\n  uid: 1234", 3, "chips.0.uid", "text goes in quotes"),
    ("\n- profile: stm32f405\n  uid: '1234'", 3, "chips.0.uid", "a unique id is three words like"),
    (
        "\n- profile: stm32f405\n  serial: ''",
        3,
        "chips.0.serial",
        "a serial number has at least one character",
    ),
    (f"\n- profile: stm32f405\n  serial: {'x' * 127}", 3, "chips.0.serial", "126 UTF-16 units"),
    (
        "\n- profile: stm32f405\n  image: a.bin\n- profile: stm32f405\n  image: ./a.bin",
        5,
        "chips.1.image",
        "chips.0 has this image too",
    ),
    ("\n- profile: stm32f405\n  rom_version: 2100", 3, "chips.0.rom_version", "text goes in quotes"),
    ("\n- profile: stm32f405\n  set: flash.size=1M", 3, "chips.0.set", "expected a mapping"),
    ("\n- profile: stm32f405\n  set:\n    usb.prodct: A", 4, "usb.prodct", "did you mean 'product'?"),
    ("\n- profile: stm32f405\n  set:\n    usb: { product: 5 }", 4, "usb.product", "text goes in quotes"),
    ("\n- profile: stm32f405\n  set: { usb.: 5 }", 3, None, "expected KEY=VALUE"),
    ("\n- profile: ]", 2, None, "not YAML: "),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), WRONG)
def test_errors_name_file_line_and_key(
    write: Write, text: str, line: int, key: str | None, message: str
) -> None:
    farm = write(f"chips:{text}\n")
    place = f"{farm}:{line}: " + (f"{key}: " if key else "")
    with pytest.raises(ProfileError, match=f"^{re.escape(place)}.*{re.escape(message)}"):
        read_farm(farm, ChipOptions())


def test_another_key_at_the_top(write: Write) -> None:
    with pytest.raises(ProfileError, match=r"farm.yaml:2: chip: unknown key; did you mean 'chips'\?"):
        read_farm(write("# mine\nchip: []\n"), ChipOptions())


def test_an_error_in_a_profile_is_told_where_it_is(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: stm32f405\nnmae: mine\n")
    with pytest.raises(ProfileError, match=r"mine.yaml:2: nmae: unknown key"):
        read_farm(write("chips: [{profile: ./mine.yaml}]"), ChipOptions())


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"farm.yaml: cannot be read: No such file"):
        read_farm(tmp_path / "farm.yaml", ChipOptions())
