"""The two structures of every transfer: the SETUP packet and the DFU_GETSTATUS reply.

They are on the hot path of device and host, so they use ``struct``: ``benchmarks/`` measures the same
structures in construct beside them.
"""

from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from dfu_protocol.constants import Request, State, Status
from dfu_protocol.errors import ProtocolError

SETUP_PACKET = Struct("<BBHHH")
STATUS_REPLY = Struct("<BHBBB")

STANDARD, CLASS, VENDOR = 0, 1, 2
"""Type field of bmRequestType (USB 2.0, table 9-2)."""
DEVICE, INTERFACE, ENDPOINT = 0, 1, 2
"""Recipient field of bmRequestType (USB 2.0, table 9-2)."""

CLASS_IN = 0xA1
CLASS_OUT = 0x21
"""bmRequestType of the DFU requests: class, to an interface."""


class SetupPacket(NamedTuple):
    """The 8 bytes that begin a control transfer (USB 2.0, table 9-2)."""

    bmRequestType: int
    bRequest: int
    wValue: int = 0
    wIndex: int = 0
    wLength: int = 0

    @classmethod
    def parse(cls, data: bytes | bytearray) -> "SetupPacket":
        """Read 8 bytes; any other length raises ProtocolError."""
        try:
            return tuple.__new__(cls, SETUP_PACKET.unpack(data))
        except StructError:
            raise ProtocolError(f"a SETUP packet has {SETUP_PACKET.size} bytes, not {len(data)}") from None

    def build(self) -> bytes:
        """The 8 bytes on the wire; a field that is too large raises ProtocolError."""
        try:
            return SETUP_PACKET.pack(*self)
        except StructError as error:
            raise ProtocolError(f"{self}: {error}") from None

    @property
    def is_in(self) -> bool:
        """True where the data stage goes from the device to the host."""
        return self.bmRequestType >= 0x80

    @property
    def type(self) -> int:
        """STANDARD, CLASS or VENDOR (3 is reserved)."""
        return self.bmRequestType >> 5 & 3

    @property
    def recipient(self) -> int:
        """DEVICE, INTERFACE, ENDPOINT, or a higher, reserved number."""
        return self.bmRequestType & 0x1F

    @classmethod
    def dfu(cls, request: Request, wValue: int = 0, wLength: int = 0, interface: int = 0) -> "SetupPacket":
        """The packet of a DFU request, with the bmRequestType that DFU 1.1 gives it."""
        is_in = request in (Request.UPLOAD, Request.GETSTATUS, Request.GETSTATE)
        return cls(CLASS_IN if is_in else CLASS_OUT, request, wValue, interface, wLength)


class StatusReply(NamedTuple):
    """The 6 bytes of DFU_GETSTATUS (DFU 1.1, section 6.1.2)."""

    bStatus: Status
    bwPollTimeout: int
    """Milliseconds the host has to wait before its next request; 24 bits on the wire."""
    bState: State
    iString: int = 0

    @classmethod
    def parse(cls, data: bytes) -> "StatusReply":
        """Read 6 bytes; another length, status or state raises ProtocolError."""
        if len(data) != STATUS_REPLY.size:
            raise ProtocolError(f"a DFU_GETSTATUS reply has {STATUS_REPLY.size} bytes, not {len(data)}")
        status, low, high, state, string = STATUS_REPLY.unpack(data)
        try:
            return cls(Status(status), high << 16 | low, State(state), string)
        except ValueError as error:
            raise ProtocolError(f"DFU_GETSTATUS reply {data.hex(' ')}: {error}") from None

    def build(self) -> bytes:
        """The 6 bytes on the wire; a field that is too large raises ProtocolError."""
        if not 0 <= self.bwPollTimeout < 1 << 24:
            raise ProtocolError(f"bwPollTimeout has 24 bits, {self.bwPollTimeout} does not fit")
        low, high = self.bwPollTimeout & 0xFFFF, self.bwPollTimeout >> 16
        try:
            return STATUS_REPLY.pack(self.bStatus, low, high, self.bState, self.iString)
        except StructError as error:
            raise ProtocolError(f"{self}: {error}") from None
