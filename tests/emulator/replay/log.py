"""Captures made by hand, of what a log or a test says."""

from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Step
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from emulator.replay.recorder import BUS

MS = 1000
IDLE = (Status.OK, 0, State.DFU_IDLE)
DONE = (Status.OK, 0, State.DNLOAD_IDLE)


class Log:
    """Transfers as a host's log tells them. The host waits for as long as each bwPollTimeout says."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._now = 0

    def transfer(
        self,
        setup: SetupPacket,
        data: bytes = b"",
        outcome: Outcome = Outcome.ANSWERED,
        took: int = MS,
    ) -> None:
        number = len(self.steps) + 1
        self.steps.append(ControlTransfer(number, self._now, BUS, 5, setup, data, outcome, took))
        self._now += took + MS

    def request(self, request: Request, outcome: Outcome = Outcome.ANSWERED) -> None:
        """One without data."""
        self.transfer(SetupPacket.dfu(request), outcome=outcome)

    def download(self, block: int, data: bytes) -> None:
        self.transfer(SetupPacket.dfu(Request.DNLOAD, block, len(data)), data)

    def upload(self, block: int, data: bytes) -> None:
        self.transfer(SetupPacket.dfu(Request.UPLOAD, block, len(data)), data)

    def status(self, *told: tuple[Status, int, State], took: int = MS, early: bool = False) -> None:
        """GETSTATUS, answered so, one after the other; ``early``: the host does not wait afterwards."""
        for reply in told:
            built = StatusReply(*reply).build()
            self.transfer(SetupPacket.dfu(Request.GETSTATUS, 0, 6), built, took=took)
            self._now += 0 if early else reply[1] * MS

    def job(self, block: int, data: bytes, timeout: int, outcome: tuple[Status, int, State] = DONE) -> None:
        """A DNLOAD whose work takes a bwPollTimeout at most."""
        self.download(block, data)
        self.status((Status.OK, timeout, State.DNBUSY), outcome)
