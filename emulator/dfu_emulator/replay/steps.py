"""What happens in a capture, as far as it can be replayed."""

from typing import NamedTuple, TypeAlias

from dfu_emulator.replay.records import ControlTransfer


class Arrival(NamedTuple):
    """A device has come to the bus."""

    number: int
    """Of the packet or line that tells."""
    at: int
    """Microseconds."""
    bus: int
    address: int
    device_descriptor: bytes = b""
    """Where the capture tells it here."""

    @property
    def place(self) -> tuple[int, int]:
        """Bus and address of the device."""
        return self.bus, self.address


class Reset(NamedTuple):
    """The host has reset the bus."""

    number: int
    at: int
    bus: int
    address: int

    @property
    def place(self) -> tuple[int, int]:
        """Bus and address of the device."""
        return self.bus, self.address


Step: TypeAlias = ControlTransfer | Arrival | Reset
