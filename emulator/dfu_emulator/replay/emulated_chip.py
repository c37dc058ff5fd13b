"""The emulated chip of a replay: it comes and goes with the captured one, and gets the time that it needs."""

from dfu_emulator.bootloader import NEVER, Reply
from dfu_emulator.port import Port
from dfu_emulator.replay.clock import CaptureClock
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.told import Told, status_in
from dfu_protocol import ProtocolError, Request, SetAddress, SetupPacket, State, Status, StatusReply

_AT_ONCE = 50_000
"""Microseconds up to which a chip is taken to answer without holding the host up."""
_LONGEST_JOB = 128_000_000
"""Microseconds that an emulated job is given, where the captured one is done."""
_GETSTATUS = SetupPacket.dfu(Request.GETSTATUS, 0, 6)


class EmulatedChip:
    """The device at ``port``, configured, on a clock that follows a capture."""

    def __init__(self, port: Port, clock: CaptureClock) -> None:
        self._port = port
        self._clock = clock
        self._device = port.device
        self._address = port.address
        self.bootloader = port.device.bootloader
        self.reset()

    @property
    def attached(self) -> bool:
        """Whether it is on the bus, and has not left it since it was plugged in."""
        return self._port.is_at(self._address)

    def reset(self) -> None:
        """A bus reset, and the configuration chosen anew; nothing if it is not on the bus."""
        if self.attached:
            self._device.bus_reset()
            self._port.configure()

    def plug_in(self) -> None:
        """Come to the bus: when it is time, if it has left to come back, else as new."""
        is_new = self.attached
        if self._port.returns_at is not None:
            self._clock.sleep(max(0, self._port.returns_at - self._clock.now()))
        if is_new or not self._port.attached:
            self.bootloader.power_up()
            self._port = Port(self._device, self._clock)
        self._address = self._port.address
        self.reset()

    def hears(self, transfer: ControlTransfer) -> bool:
        """False where it is busy for longer than the captured host waited: no request reaches it so."""
        waited = NEVER if transfer.took is None else transfer.took
        return transfer.outcome is not Outcome.NO_ANSWER or self._port.silent_for() < waited

    def ask(self, transfer: ControlTransfer) -> Reply:
        """Its answer. It works for typical times: where the captured chip was faster, it gets its time."""
        reply = self._port.control(transfer.setup, transfer.data)
        took = transfer.took or 0
        theirs = status_in(transfer)
        if theirs is not None and theirs.bState is not State.DNBUSY and took < _AT_ONCE:
            wait, waited = 1000, 0
            while tells_busy(reply) and reply.job is None and waited < _LONGEST_JOB:
                self._clock.sleep(wait)
                waited, wait = waited + wait, wait * 2
                reply = self._port.control(transfer.setup)
        if took < reply.hold < NEVER and transfer.outcome is not Outcome.NO_ANSWER:
            self._clock.sleep(reply.hold - took)
        return reply

    def put(self, told: Told, pointer: int | None) -> bool:
        """Be in this state, with this Address_Pointer if it is not None. True if the state was another."""
        differs = told != (self.bootloader.state, self.bootloader.status)
        if pointer is not None:
            self._set_pointer(pointer)
        self.bootloader.force(*told)
        return differs

    def _set_pointer(self, address: int) -> None:
        self.bootloader.force(State.DFU_IDLE, Status.OK)
        command = SetAddress(address).build()
        self._port.control(SetupPacket.dfu(Request.DNLOAD, 0, len(command)), command)
        for _ in range(2):
            reply = self._port.control(_GETSTATUS)
            status = _status(reply)
            self._clock.sleep(reply.hold + (status.bwPollTimeout * 1000 if status is not None else 0))


def tells_busy(reply: Reply) -> bool:
    """Whether an answer is dfuDNBUSY's."""
    status = _status(reply)
    return status is not None and status.bState is State.DNBUSY


def _status(reply: Reply) -> StatusReply | None:
    try:
        return StatusReply.parse(reply.data or b"")
    except ProtocolError:
        return None
