"""Real dfu-util -l of emulated chips against what it printed of real ones, letter for letter."""

from struct import unpack

import pytest

from dfu_emulator.profile import load
from dfu_emulator.serial_number import UniqueId, parse_unique_id
from end_to_end.conftest import MakeBus
from end_to_end.listings import LISTINGS, SERIAL_NUMBERS, Listing

pytestmark = pytest.mark.usefixtures("dfu_util")


@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_a_chip_is_listed_as_the_real_one(make_bus: MakeBus, listing: Listing) -> None:
    done = make_bus(listing.profile, serial=listing.serial).run("dfu-util", "-l")
    assert done.code == 0
    # devnum and path are the bus's, not the chip's.
    expected = [
        f'Found DFU: [0483:df11] ver={listing.version}, devnum=2, cfg=1, intf=0, path="1-1", '
        f'alt={len(listing.names) - 1 - place}, name="{name}", serial="{listing.serial}"'
        for place, name in enumerate(listing.names)
    ]
    printed = done.lines("Found DFU")
    assert (printed[-len(expected) :] if listing.partial else printed) == expected


@pytest.mark.parametrize(("chip", "unique_id", "serial"), SERIAL_NUMBERS)
def test_a_serial_number_follows_from_the_unique_id(
    make_bus: MakeBus, chip: str, unique_id: str, serial: str
) -> None:
    done = make_bus(load(chip), unique_id=words(unique_id)).run("dfu-util", "-l")
    assert {line.rpartition("serial=")[2] for line in done.lines("Found DFU")} == {f'"{serial}"'}


def words(unique_id: str) -> UniqueId:
    """The words of a unique id that is spelled as such, or as the bytes that are in memory."""
    if "-" not in unique_id:
        return parse_unique_id(unique_id)
    first, second, third = unpack("<3I", bytes.fromhex(unique_id.replace("-", "")))
    return first, second, third


@pytest.mark.parametrize(
    ("chip", "serial"), [("stm32f042", "FFFFFFFEFFFF"), ("stm32f107", "STM32"), ("stm32f446", "STM32FxSTM32")]
)
def test_a_serial_number_that_all_units_share(make_bus: MakeBus, chip: str, serial: str) -> None:
    done = make_bus(load(chip), unique_id=(1, 2, 3)).run("dfu-util", "-l")
    assert {line.rpartition("serial=")[2] for line in done.lines("Found DFU")} == {f'"{serial}"'}


def test_flash_of_another_size_in_the_layout_string(make_bus: MakeBus) -> None:
    """As projects with U5 chips of 1 MiB document it."""
    bus = make_bus(load("stm32u585", settings=["flash.size=1M"]))
    assert '"@Internal Flash   /0x08000000/128*08Kg"' in bus.run("dfu-util", "-l").stdout
