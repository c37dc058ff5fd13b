"""Which requests a fault hits."""

from random import Random

from dfu_emulator.bootloader import Bootloader
from dfu_emulator.scenario.model import When
from dfu_protocol import SetupPacket
from dfu_protocol.control import CLASS


class Trigger:
    """Counts the requests that ``when`` is about, and says which of them are hit."""

    def __init__(self, when: When, bootloader: Bootloader, random: Random) -> None:
        self._when = when
        self._bootloader = bootloader
        self._random = random
        self._seen = 0

    def pulled(self, setup: SetupPacket) -> bool:
        """Count this request, if it is one that is meant; True where it is hit."""
        when = self._when
        if not self._means(setup):
            return False
        self._seen += 1
        if not when.nth <= self._seen < when.nth + when.times:
            return False
        return when.chance >= 1 or self._random.random() < when.chance

    def _means(self, setup: SetupPacket) -> bool:
        when, bootloader = self._when, self._bootloader
        if when.request is None:
            if setup.type != CLASS:
                return False
        elif (setup.type, setup.bRequest) not in when.request:
            return False
        if when.state is not None and bootloader.state not in when.state:
            return False
        if when.block is not None and setup.wValue not in when.block:
            return False
        if when.job is None and when.address is None and when.sector is None:
            return True
        return self._means_place(setup)

    def _means_place(self, setup: SetupPacket) -> bool:
        when, bootloader = self._when, self._bootloader
        address = bootloader.address_of(setup)
        if address is None:
            task = bootloader.task
            if task is None:
                return False
            kind, address = task
            if when.job is not None and kind not in when.job:
                return False
        if when.address is not None and address not in when.address:
            return False
        if when.sector is None:
            return True
        flash = bootloader.chip.flash
        return flash.start <= address < flash.end and flash.sector_at(address) in when.sector
