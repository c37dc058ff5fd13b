"""How a scenario has the chip when it is plugged in."""

from pathlib import Path
from typing import Any

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.memory import OptionBytes
from dfu_emulator.profile import ProfileError, available, load
from dfu_emulator.scenario import Level, Scenario, Start, Worn
from dfu_emulator.scenario.scalars import StateName, StatusName
from dfu_protocol import State, Status
from emulator.host import FLASH, Plug


def scenario(**start: Any) -> Scenario:
    return Scenario(name="of this test", start=Start(**start))


def test_what_an_earlier_host_left_behind(plug: Plug) -> None:
    host = plug(scenario=scenario(state=StateName(State.UPLOAD_IDLE)))
    assert host.get_status() == (Status.OK, 0, State.UPLOAD_IDLE, 0)
    host = plug(scenario=scenario(state=StateName(State.ERROR), status=StatusName(Status.VENDOR)))
    assert host.get_status() == (Status.VENDOR, 0, State.ERROR, 0)


@pytest.mark.parametrize("state", [State.DNLOAD_SYNC, State.DNBUSY])
def test_a_host_that_was_stopped_in_a_job(plug: Plug, state: State) -> None:
    host = plug(scenario=scenario(state=StateName(state)))
    assert host.get_state() is state
    while (told := host.get_status()).bState is State.DNBUSY:
        pass
    assert told == (Status.OK, 0, State.DNLOAD_IDLE, 0)


def test_it_is_gone_with_a_reset(plug: Plug) -> None:
    host = plug(scenario=scenario(state=StateName(State.UPLOAD_IDLE))).idle()
    host.start_reset(b"\x92")
    assert host.wait_for_return().get_status().bStatus is Status.FIRMWARE


def test_read_protection_and_the_boot_pin(plug: Plug) -> None:
    start = scenario(rdp=1, boot0=Level.LOW)
    host = plug(scenario=start).idle()
    assert host.set_address(FLASH).bStatus is Status.VENDOR
    assert not host.port.device.bootloader.chip.boot0
    assert not plug(scenario=scenario(rdp=2)).port.attached
    # What the caller says counts more.
    assert plug(scenario=start, rdp=0, boot0=True).idle().set_address(FLASH).bStatus is Status.OK


def test_protected_sectors_stay_as_they_are(plug: Plug) -> None:
    host = plug(scenario=scenario(write_protected=(1,))).idle()
    for sector, address in enumerate((FLASH, FLASH + 0x4000)):
        host.erase(address)
        host.write(address, b"abcd")
        assert host.idle().read(address, 4) == (b"\xff\xff\xff\xff" if sector else b"abcd")
        host.idle()


def _can_protect(name: str) -> bool:
    options = load(name).memory.option_bytes
    return bool(options.wrp_bits or options.wrp_ranges)


@pytest.mark.parametrize("name", [name for name in available() if _can_protect(name)])
def test_each_chip_can_protect_its_first_sectors(name: str) -> None:
    profile = load(name)
    sectors = (0, 1)
    with emulated(profile, scenario=scenario(write_protected=sectors)) as port:
        options = port.device.bootloader.chip.option_bytes
        assert all(options.is_write_protected(sector) for sector in sectors)
        last = port.device.bootloader.chip.flash.sectors[-1]
        assert last < 64 or not options.is_write_protected(last)


@pytest.mark.parametrize("name", available())
def test_each_sector_can_be_protected_or_is_refused_with_a_reason(name: str) -> None:
    profile = load(name)
    with emulated(profile) as port:
        sectors = port.device.bootloader.chip.flash.sectors
    for sector in sectors:
        options = OptionBytes(profile.memory.option_bytes)
        refused = ""
        try:
            options.write_protect((sector,))
        except ValueError as error:
            refused = str(error)
        protected = [other for other in sectors if options.is_write_protected(other)]
        if refused:
            assert (refused, protected) == (f"its option bytes cannot protect sector {sector}", [])
        else:
            assert sector in protected
            assert protected == list(range(protected[0], protected[-1] + 1))


def test_sectors_behind_what_the_option_bytes_reach() -> None:
    """The second bank's are not among those that the bootloader of the L476 shows."""
    message = "'of this test' does not fit the STM32L476RG: its option bytes cannot protect sector 256"
    for sectors in ((255, 256), (256, 511)):
        with (
            pytest.raises(ProfileError, match=message),
            emulated("stm32l476", scenario=scenario(write_protected=sectors)),
        ):
            pass


def test_a_run_over_two_banks_takes_a_range_of_each() -> None:
    with emulated("stm32l4r9", scenario=scenario(write_protected=(255, 256))) as port:
        chip = port.device.bootloader.chip
        protected = [sector for sector in chip.flash.sectors if chip.protection.is_write_protected(sector)]
        assert protected == [255, 256]
        assert chip.option_bytes.areas[1].cells[0x18] == 0


def test_worn_bits_stay_programmed(plug: Plug) -> None:
    host = plug(scenario=scenario(worn=Worn((1,), bits=5))).idle()
    host.mass_erase()
    host.idle()
    assert host.read(FLASH, 0x4000) == b"\xff" * 0x4000
    worn = host.read(FLASH + 0x4000, 0x4000)
    assert 0x4000 * 8 - int.from_bytes(worn, "little").bit_count() == 5
    host.write(FLASH + 0x4000, b"\xff" * 2048)
    assert host.idle().read(FLASH + 0x4000, 0x4000) == worn


def test_several_sectors_are_worn(plug: Plug) -> None:
    host = plug(scenario=scenario(worn=Worn((0, 2), bits=3))).idle()
    host.mass_erase()
    host.idle()
    for sector, worn in enumerate((3, 0, 3, 0)):
        cells = host.read(FLASH + sector * 0x4000, 0x4000)
        assert 0x4000 * 8 - int.from_bytes(cells, "little").bit_count() == worn


def test_worn_bits_of_a_flash_that_erases_to_zero(plug: Plug) -> None:
    host = plug(load("stm32l083"), scenario=scenario(worn=Worn((2,), bits=3)))
    cells = host.port.device.bootloader.chip.flash.cells
    host.port.device.bootloader.chip.erase_all()
    assert int.from_bytes(cells, "little").bit_count() == 3


@pytest.mark.parametrize("start", [{"write_protected": (12,)}, {"worn": Worn((12,))}])
def test_a_sector_that_the_chip_does_not_have(start: dict[str, Any]) -> None:
    message = (
        "the scenario 'of this test' is about sector 12; the flash of the STM32F405RG has sectors 0 to 11"
    )
    with pytest.raises(ProfileError, match=message), emulated("stm32f405", scenario=scenario(**start)):
        pass


def test_more_runs_than_the_chip_can_protect() -> None:
    start = scenario(write_protected=(0, 2, 4, 6))
    message = "does not fit the STM32G0B1CB: its option bytes cannot protect sector 4"
    with pytest.raises(ProfileError, match=message), emulated("stm32g0b1", scenario=start):
        pass


def test_changes_of_the_profile() -> None:
    changed = Scenario(name="of this test", set={"dfu.wTransferSize": 1024})
    with emulated("stm32f405", scenario=changed) as port:
        assert port.device.profile.dfu.wTransferSize == 1024
    wrong = Scenario(name="of this test", set={"dfu.wTransfer": 1024})
    with (
        pytest.raises(ProfileError, match=r"scenario of this test: dfu\.wTransfer: unknown key"),
        emulated("stm32f405", scenario=wrong),
    ):
        pass


def test_timing_is_the_scenarios_unless_the_caller_says(tmp_path: Path) -> None:
    path = tmp_path / "slow.yaml"
    path.write_text("timing: real\n", encoding="utf-8")
    for timing, told in ((None, True), ("fast", False), ("real", True)):
        with emulated("stm32f405", scenario=path, timing=timing) as port:
            assert bool(port.device.bootloader._timing.connect_delay()) is told


def test_a_state_left_behind_outlasts_the_resets_of_an_enumeration_and_no_other() -> None:
    left = scenario(state=StateName(State.DNLOAD_IDLE))
    with emulated("stm32f405", scenario=left) as port:
        states = []
        for act in (port.reset, port.reset, port.configure, port.reset):
            act()
            states.append(port.device.bootloader.state)
        assert states == [State.DNLOAD_IDLE] * 3 + [State.DFU_IDLE]
