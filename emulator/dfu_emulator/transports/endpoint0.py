"""Control transfers on a device controller, where data are asked for and a stall may come too late."""

from typing import Protocol

from dfu_emulator.bootloader import NEVER
from dfu_emulator.port import Port
from dfu_emulator.transports.worker import Worker
from dfu_protocol import SetupPacket


class Endpoint0(Protocol):
    """What a kernel interface lets us do with the request that is pending."""

    def receive(self, length: int) -> bytes:
        """Take the data stage of an OUT request, which thereby succeeds."""

    def send(self, data: bytes, setup: SetupPacket) -> None:
        """Send the data stage of an IN request."""

    def acknowledge(self, setup: SetupPacket) -> None:
        """Let a request without data succeed."""

    def stall(self, setup: SetupPacket) -> None:
        """Let the request fail."""


def carry(setup: SetupPacket, endpoint: Endpoint0, port: Port, worker: Worker, address: int) -> None:
    """Carry one control transfer to the device at ``address`` and its answer to the host.

    The kernel does not tell when a host gives up while the chip is busy: its request is answered all the
    same. Raises DeviceGone, and OSError from ``endpoint``.
    """
    sent = port.clock.now()
    while (held := port.silent_for()) and not worker.stopping:
        worker.sleep(port.clock, held)
    is_in = setup.is_in
    length = 0 if is_in else setup.wLength
    # A request that is stalled is stalled in its data stage: there is no way back after that.
    takes = length > 0 and port.takes_data(setup)
    data = endpoint.receive(length) if takes else bytes(length)
    reply = port.control(setup, data, address, sent)
    answered = reply.hold < NEVER
    if reply.hold:
        worker.sleep(port.clock, reply.hold if answered else GIVEN_UP)
    if takes:
        return
    if reply.data is None or not answered:
        endpoint.stall(setup)
    elif is_in and setup.wLength:
        endpoint.send(reply.data, setup)
    else:
        endpoint.acknowledge(setup)


GIVEN_UP = 6_000_000
"""Microseconds after which a host no longer waits: most do so for 5 s. What is never answered is stalled
then: only so does the kernel let go of the request, and it stalls all others until then."""
STATUS_STAGE = 2_000
"""Microseconds that the status stage may take after the data were sent: a device leaves only then."""
