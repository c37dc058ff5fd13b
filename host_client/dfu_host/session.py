"""The blocking driver: a conversation over a Link, each operation a call that ends when it is done."""

import time
from collections import deque
from collections.abc import Callable, Iterator

from dfu_host.conversation import Conversation, ignore
from dfu_host.link import Link
from dfu_host.steps import Control, Operation, Select, Step, T, Wait, drive, steps
from dfu_protocol import State, Status, StatusReply


class Session:
    """A conversation with one device, whose descriptor gives ``transfer_size`` as wTransferSize (bytes).

    The methods are the operations of ``Conversation``, which says what they do and how they fail. ``sleep``
    waits so many seconds; all the waiting that bwPollTimeout asks for goes through it.
    """

    def __init__(
        self, link: Link, transfer_size: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.conversation = Conversation(transfer_size, link.interface)
        self._link = link
        self._sleep = sleep

    def run(self, operation: Operation[T]) -> T:
        """Carry out any operation and return its result."""
        return drive(operation, self._perform)

    def select(self, alternate: int) -> None:
        """Choose the alternate setting, hence the memory, that what follows is about."""
        self.run(self.conversation.select(alternate))

    def state(self) -> State:
        """The state the device is in, unchanged by the question."""
        return self.run(self.conversation.state())

    def status(self) -> StatusReply:
        """DFU_GETSTATUS, with as many further tries as the device stalls."""
        return self.run(self.conversation.status())

    def condition(self) -> tuple[State, Status | None]:
        """State and status as they are, for people to see."""
        return self.run(self.conversation.condition())

    def to_idle(self) -> None:
        """Bring the device to dfuIDLE, from whatever an earlier program or job left behind."""
        self.run(self.conversation.to_idle())

    def commands(self) -> bytes:
        """The codes of the commands the device supports (AN3156: Get)."""
        return self.run(self.conversation.commands())

    def set_address(self, address: int) -> None:
        """Set the address pointer. The device is in dfuDNLOAD-IDLE afterwards."""
        self.run(self.conversation.set_address(address))

    def erase_page(self, address: int, size: int | None = None) -> None:
        """Erase the page or sector that holds ``address``; with ``size``, the one that begins there."""
        self.run(self.conversation.erase_page(address, size))

    def mass_erase(self) -> None:
        """Erase all of the flash."""
        self.run(self.conversation.mass_erase())

    def read_unprotect(self) -> None:
        """Lift the read protection, which erases everything; then the device resets and leaves the bus."""
        self.run(self.conversation.read_unprotect())

    def read(self, address: int, length: int) -> Iterator[bytes]:
        """``length`` bytes of memory from ``address`` on, in blocks of up to wTransferSize."""
        blocks: deque[bytes] = deque()
        for _ in steps(self.conversation.read(address, length, blocks.append), self._perform):
            while blocks:
                yield blocks.popleft()

    def write(self, address: int, data: bytes, advance: Callable[[int], None] = ignore) -> None:
        """Program ``data`` from ``address`` on; ``advance`` is told the size of each block that is done."""
        self.run(self.conversation.write(address, data, advance))

    def leave(self, address: int | None = None) -> None:
        """Start the application at ``address``, by default at the device's address pointer."""
        self.run(self.conversation.leave(address))

    def _perform(self, step: Step) -> bytes:
        match step:
            case Control(setup, data, timeout):
                return self._link.control(setup, data, timeout)
            case Wait(seconds):
                self._sleep(seconds)
            case Select(alternate):
                self._link.select(alternate)
        return b""
