"""The device with faults: it answers as the chip does, but for the requests that a scenario hits."""

from collections.abc import Callable, Sequence
from random import Random

from dfu_emulator.bootloader import NEVER, Bootloader, Departure, Reason, Reply, stalled
from dfu_emulator.profile import Profile
from dfu_emulator.scenario.damage import flipped, interrupt
from dfu_emulator.scenario.model import DEFAULT_BITS, DEFAULT_DONE, Do, Fault, Moment
from dfu_emulator.scenario.trigger import Trigger
from dfu_emulator.usb_device import UsbDevice
from dfu_protocol import Request, SetupPacket, State, Status
from dfu_protocol.control import CLASS

_POLL_TIMEOUT = slice(1, 4)
"""bwPollTimeout in the answer to GETSTATUS."""

_STALLS = (Do.STALL, Do.ERROR)
"""Their replies need no other word for what the scenario has done."""

_Act = Callable[[Fault, SetupPacket, bytes, int], Reply]


class FaultyDevice(UsbDevice):
    """Hits the requests that ``faults`` name; the first of those that hit a request acts.

    ``random`` decides what is left to chance. Each fault counts all requests that it is meant for, however
    often the device leaves and comes back. ``hits`` is how many requests a fault has changed anything about.
    """

    def __init__(
        self, profile: Profile, bootloader: Bootloader, serial: str, faults: Sequence[Fault], random: Random
    ) -> None:
        super().__init__(profile, bootloader, serial)
        self._triggers = [Trigger(fault.meant, bootloader, random) for fault in faults]
        self._faults = faults
        self._random = random
        self.hits = 0
        self._foreseen: tuple[SetupPacket, Fault | None] | None = None
        self._acts: dict[Do, _Act] = {
            Do.STALL: self._stall,
            Do.ERROR: self._error,
            Do.DELAY: self._delay,
            Do.TIMEOUT: self._time_out,
            Do.SHORT: self._shorten,
            Do.CORRUPT: self._corrupt,
            Do.POLL_TIMEOUT: self._lie,
            Do.BUS_RESET: self._reset,
            Do.DISCONNECT: self._disconnect,
            Do.POWER_LOSS: self._lose_power,
        }

    def control(self, setup: SetupPacket, data: bytes = b"", now: int = 0) -> Reply:
        foreseen, self._foreseen = self._foreseen, None
        fault = foreseen[1] if foreseen and foreseen[0] == setup else self._hit(setup)
        if fault is None:
            return super().control(setup, data, now)
        reply = self._acts[fault.do](fault, setup, data, now)
        self.hits += fault.do in _STALLS or bool(reply.fault)
        return reply

    def takes_data(self, setup: SetupPacket) -> bool:
        fault = self._hit(setup)
        self._foreseen = (setup, fault)
        if fault is not None and _comes_before_data(fault):
            return False
        if fault is not None and fault.do is Do.BUS_RESET:
            return self._takes_data_after_a_reset(setup)
        return super().takes_data(setup)

    def _takes_data_after_a_reset(self, setup: SetupPacket) -> bool:
        before = self.bootloader.state, self.bootloader.status
        self.bootloader.bus_reset()
        takes = super().takes_data(setup)
        self.bootloader.force(*before)
        return takes

    def _hit(self, setup: SetupPacket) -> Fault | None:
        hit = None
        for fault, trigger in zip(self._faults, self._triggers, strict=True):
            if trigger.pulled(setup) and hit is None:
                hit = fault
        return hit

    def _stall(self, _fault: Fault, _setup: SetupPacket, _data: bytes, _now: int) -> Reply:
        return stalled("the scenario stalls it")

    def _error(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        status = Status(fault.status or Status.UNKNOWN)
        self.bootloader.force(State.ERROR, status)
        if setup.type == CLASS and setup.bRequest in (Request.GETSTATUS, Request.GETSTATE):
            return super().control(setup, data, now)._replace(fault=f"it fails with {status.label}")
        return stalled(f"the scenario lets it fail with {status.label}")

    def _delay(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        reply = super().control(setup, data, now)
        wait = fault.time or 0
        return reply._replace(hold=reply.hold + wait, fault=f"held for {wait / 1_000_000:g} s more")

    def _time_out(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        if fault.moment is Moment.DURING:
            return super().control(setup, data, now)._replace(hold=NEVER, fault="the answer is lost")
        return Reply(b"", NEVER, fault="the bootloader never sees it")

    def _shorten(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        reply = super().control(setup, data, now)
        length = fault.bytes or 0
        if not setup.is_in or reply.data is None or len(reply.data) <= length:
            return reply
        return reply._replace(data=reply.data[:length], fault=f"{length} of {len(reply.data)} bytes arrive")

    def _corrupt(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        bits = fault.bits or DEFAULT_BITS
        note = f"{bits} bit{'' if bits == 1 else 's'} of the data flip"
        if data:
            return super().control(setup, flipped(data, bits, self._random), now)._replace(fault=note)
        reply = super().control(setup, data, now)
        if not reply.data:
            return reply
        return reply._replace(data=flipped(reply.data, bits, self._random), fault=note)

    def _lie(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        reply = super().control(setup, data, now)
        if reply.data is None or len(reply.data) < _POLL_TIMEOUT.stop:
            return reply
        told = bytearray(reply.data)
        told[_POLL_TIMEOUT] = (fault.bwPollTimeout or 0).to_bytes(3, "little")
        return reply._replace(data=bytes(told), fault="bwPollTimeout is a lie")

    def _reset(self, _fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        self.bootloader.bus_reset()
        return super().control(setup, data, now)._replace(fault="the bus was reset before it")

    def _disconnect(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        departure = Departure(Reason.UNPLUGGED, fault.back_after)
        if fault.moment in (None, Moment.BEFORE):
            return Reply(b"", departure=departure, lost=True, fault="the cable is out before it")
        reply = super().control(setup, data, now)
        lost = fault.moment is Moment.DURING
        return reply._replace(
            departure=reply.departure or departure,
            lost=lost,
            fault=f"the cable is out {'during' if lost else 'after'} it",
        )

    def _lose_power(self, fault: Fault, setup: SetupPacket, data: bytes, now: int) -> Reply:
        chip = self.bootloader.chip
        flash, before, level = chip.flash, bytes(chip.flash.cells), chip.option_bytes.rdp_level
        reply = super().control(setup, data, now)
        if reply.job is None:
            return reply
        if chip.option_bytes.rdp_level < level:
            chip.option_bytes.rdp_level = level  # which is lifted once all is erased
        done = fault.done or DEFAULT_DONE
        effects = interrupt(flash, before, reply.job.effects, done, self._random)
        return reply._replace(
            departure=self.bootloader.cut_power(fault.back_after),
            lost=reply.hold > 0,
            job=reply.job._replace(effects=effects),
            fault=f"power is gone when {done:.0%} of it is done",
        )


def _comes_before_data(fault: Fault) -> bool:
    """Whether it is settled before the data stage of a request, which a device controller then refuses."""
    match fault.do:
        case Do.TIMEOUT | Do.DISCONNECT:
            return fault.moment in (None, Moment.BEFORE)
    return fault.do in _STALLS
