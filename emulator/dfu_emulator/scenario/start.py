"""How a scenario has the chip when it is plugged in."""

from random import Random

from dfu_emulator.bootloader import Bootloader
from dfu_emulator.profile import ProfileError
from dfu_emulator.scenario.damage import wear_out
from dfu_emulator.scenario.model import Scenario
from dfu_protocol import Request, SetAddress, SetupPacket, State, Status
from dfu_protocol.control import STATUS_REPLY


def prepare(scenario: Scenario, bootloader: Bootloader, random: Random) -> None:
    """Bring chip and bootloader to where the scenario starts; the read protection level is not its job.

    Raises ProfileError for sectors that the chip does not have, or cannot protect.
    """
    start, chip = scenario.start, bootloader.chip
    sectors = (
        *start.write_protected,
        *(start.worn.sectors if start.worn else ()),
        *(sector for fault in scenario.faults if fault.when.sector for sector in fault.when.sector),
    )
    for sector in sectors:
        if sector not in chip.flash.sectors:
            raise ProfileError(
                f"the scenario {scenario.name!r} is about sector {sector}; "
                f"the flash of the {chip.profile.part} has sectors 0 to {chip.flash.sectors[-1]}"
            )
    try:
        chip.option_bytes.write_protect(start.write_protected)
    except ValueError as error:
        raise ProfileError(
            f"the scenario {scenario.name!r} does not fit the {chip.profile.part}: {error}"
        ) from None
    if start.worn is not None:
        for sector in start.worn.sectors:
            wear_out(chip.flash, sector, start.worn.bits, random)
    if start.state is not None:
        _leave_in(State(start.state), Status(start.status or Status.OK), bootloader)


def _leave_in(state: State, status: Status, bootloader: Bootloader) -> None:
    """An earlier host has left it so; where that takes a job, it was Set Address Pointer."""
    if state not in (State.DNLOAD_SYNC, State.DNBUSY):
        bootloader.force(state, status)
        return
    bootloader.force(State.DFU_IDLE, status)
    command = SetAddress(bootloader.chip.flash.start).build()
    bootloader.handle(SetupPacket.dfu(Request.DNLOAD, 0, len(command)), command)
    if state is State.DNBUSY:
        bootloader.handle(SetupPacket.dfu(Request.GETSTATUS, 0, STATUS_REPLY.size))
