"""Real dfu-util 0.11 against one chip of each family: flash, read back, one page, all, other memories."""

import random
from pathlib import Path

import pytest

from dfu_emulator.profile import Profile, available, load
from dfu_protocol import Layout, parse_layout
from end_to_end.conftest import Bus, MakeBus

pytestmark = pytest.mark.usefixtures("dfu_util")

# dfu-util polls an H743 of revision V for ever, above 1 MiB: here is the older silicon.
CHIPS = {
    "STM32C0": ("stm32c071", None),
    "STM32C5": ("stm32c562", None),
    "STM32F0": ("stm32f042", None),
    "STM32F1": ("stm32f107", None),
    "STM32F2": ("stm32f205", None),
    "STM32F3": ("stm32f303cc", None),
    "STM32F4": ("stm32f429", None),
    "STM32F7": ("stm32f722", None),
    "STM32G0": ("stm32g0b1", None),
    "STM32G4": ("stm32g474", None),
    "STM32H5": ("stm32h503", None),
    "STM32H7": ("stm32h743", "rev Y"),
    "STM32L0": ("stm32l083", None),
    "STM32L1": ("stm32l152rc", None),
    "STM32L4": ("stm32l4r9", None),
    "STM32L5": ("stm32l552", None),
    "STM32U0": ("stm32u073", None),
    "STM32U5": ("stm32u585", None),
    "STM32WB": ("stm32wb55", None),
}
AT_MOST = 256 * 1024
"""How much of a large flash is written."""


def chip_of(family: str) -> Profile:
    name, rom = CHIPS[family]
    return load(name, rom_version=rom)


def layouts(chip: Profile) -> list[Layout]:
    """Of its alternate settings."""
    return [parse_layout(name) for name in chip.alternates]


def option_bytes(chip: Profile) -> int | None:
    """The alternate setting that is called so, if one is."""
    return next((n for n, layout in enumerate(layouts(chip)) if layout.name.startswith("Option")), None)


WITH_OPTION_BYTES = [family for family in CHIPS if option_bytes(chip_of(family)) is not None]


@pytest.fixture(params=CHIPS)
def chip(request: pytest.FixtureRequest) -> Profile:
    """A chip of each family."""
    return chip_of(request.param)


def test_no_family_is_left_out() -> None:
    assert [chip_of(family).family for family in CHIPS] == list(CHIPS)
    assert sorted({load(name).family for name in available()}) == list(CHIPS)


def run(bus: Bus, alternate: int, where: str, *arguments: str) -> None:
    done = bus.run("dfu-util", "-a", str(alternate), "-s", where, *arguments)
    assert done.code == 0, done.stdout


def test_flash(make_bus: MakeBus, tmp_path: Path, chip: Profile) -> None:
    flash = chip.memory.flash
    pages = [page for segment in parse_layout(chip.alternates[0]).segments for page in segment.pages()]
    # Of a large flash the end, which is in its second bank.
    first = next(address for address, _ in pages if address >= flash.start + flash.size - AT_MOST)
    image = random.Random(chip.name).randbytes(flash.start + flash.size - first)
    (tmp_path / "new").write_bytes(image)
    bus = make_bus(chip, image=tmp_path / "flash")
    run(bus, 0, f"{first:#x}", "-D", "new")
    run(bus, 0, f"{first:#x}:{len(image)}:force", "-U", "back")
    assert (tmp_path / "back").read_bytes() == image
    assert (tmp_path / "flash").read_bytes()[first - flash.start :] == image

    address, size = pages[-2]
    page = random.Random(size).randbytes(size)
    (tmp_path / "page").write_bytes(page)
    run(bus, 0, f"{address:#x}", "-D", "page")
    expected = image[: address - first] + page + image[address + size - first :]
    assert (tmp_path / "flash").read_bytes()[first - flash.start :] == expected

    run(bus, 0, f"{flash.start:#x}:mass-erase:force")
    assert (tmp_path / "flash").read_bytes() == bytes([flash.erased]) * flash.size


def test_other_alternates_can_be_read(make_bus: MakeBus, tmp_path: Path, chip: Profile) -> None:
    bus = make_bus(chip)
    for alternate, layout in list(enumerate(layouts(chip)))[1:]:
        for segment in layout.segments:
            file = tmp_path / f"{alternate}-{segment.address:x}"
            run(bus, alternate, f"{segment.address:#x}", "-U", str(file))
            assert file.stat().st_size == segment.end - segment.address


@pytest.mark.parametrize("chip", WITH_OPTION_BYTES, indirect=True)
def test_option_bytes_reset_the_chip(make_bus: MakeBus, tmp_path: Path, chip: Profile) -> None:
    """dfu-util's will-reset expects it; the chip is back then, as open as it was."""
    number = option_bytes(chip)
    assert number is not None
    area = chip.memory.option_bytes.areas[0]
    (tmp_path / "options").write_bytes(area.factory)
    bus = make_bus(chip)
    run(bus, number, f"{area.start:#x}:will-reset", "-D", "options")
    run(bus, number, f"{area.start:#x}", "-w", "-U", "back")
    assert (tmp_path / "back").read_bytes() == area.factory
