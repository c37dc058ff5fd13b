"""``--pcap``: a capture of USB as Linux's usbmon makes it, which Wireshark dissects.

Sources: the IETF draft on pcapng (draft-ietf-opsawg-pcapng), its blocks and options; usbmon.rst of the Linux
kernel for the 64 bytes before each URB (LINKTYPE_USB_LINUX_MMAPPED).
"""

import errno
import itertools
import time
from struct import Struct, pack
from typing import NamedTuple

from dfu_emulator.bootloader import NEVER, Reply
from dfu_emulator.port import Attached, Occurrence, Transfer
from dfu_emulator.trace.output import Output
from dfu_protocol import SetupPacket, StandardRequest, __version__
from dfu_protocol.descriptors import DescriptorType

_SECTION_HEADER, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MAGIC, _VERSION, _UNKNOWN_LENGTH = 0x1A2B3C4D, (1, 0), -1
_LINKTYPE_USB_LINUX_MMAPPED = 220
_END, _COMMENT, _INTERFACE_NAME, _APPLICATION = 0, 1, 2, 4
"""Options: the first two of every block, the others of the interface's and of the section's."""

_URB = Struct("<QBBBBHBBqiiII8siiII")
_SUBMIT, _COMPLETE = ord("S"), ord("C")
_CONTROL, _DIRECTION_IN, _URB_DIRECTION_IN = 2, 0x80, 0x200
_PRESENT, _NO_SETUP, _NO_DATA_YET, _DATA_WENT_OUT = 0, ord("-"), ord("<"), ord(">")

_NOT_THE_HOSTS = "Written by the emulator as the device came to the bus: no request of the host's."


class PcapWriter:
    """Watches a port, or several, and writes the URBs of each transfer to ``output``.

    A device that comes to the bus begins with its descriptors, by which a dissector knows the interface: a
    host may have them from elsewhere.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._ids = itertools.count(1)
        self._addresses: dict[int, int] = {}
        self._epoch: int | None = None
        """What is to be added to an occurrence's time, in microseconds."""
        output.write(_section_header() + _interface())

    def __call__(self, occurrence: Occurrence, bus: int = 1) -> None:
        if self._epoch is None:
            self._epoch = time.time_ns() // 1000 - occurrence.at
        at = occurrence.at + self._epoch
        match occurrence:
            case Attached(address=address, device=device):
                self._addresses[bus] = address
                self._write_descriptor(bus, at, DescriptorType.DEVICE, device.device_descriptor)
                self._write_descriptor(bus, at, DescriptorType.CONFIGURATION, device.configuration_descriptor)
            case Transfer(setup=setup, data=data, reply=reply):
                urb = self._urb(bus, setup)
                self._output.write(_packet(at, urb.submitted(at, data)))
                if reply.hold < NEVER:
                    end = at + reply.hold
                    self._output.write(_packet(end, urb.completed(end, reply, data)))

    def _urb(self, bus: int, setup: SetupPacket) -> "_Urb":
        return _Urb(next(self._ids), bus, self._addresses.get(bus, 0), setup)

    def _write_descriptor(self, bus: int, at: int, kind: DescriptorType, descriptor: bytes) -> None:
        request = StandardRequest.GET_DESCRIPTOR
        urb = self._urb(bus, SetupPacket(_DIRECTION_IN, request, kind << 8, 0, len(descriptor)))
        self._output.write(_packet(at, urb.submitted(at, b""), _NOT_THE_HOSTS))
        self._output.write(_packet(at, urb.completed(at, Reply(descriptor), descriptor), _NOT_THE_HOSTS))


class _Urb(NamedTuple):
    """A control transfer, by what its records have in common."""

    identity: int
    bus: int
    address: int
    setup: SetupPacket

    def submitted(self, at: int, data: bytes) -> bytes:
        """The record of its start; ``data`` goes with an OUT request."""
        has = (_PRESENT, _NO_DATA_YET if self.setup.is_in else _PRESENT)
        data = b"" if self.setup.is_in else data
        return self._record(_SUBMIT, at, has, -errno.EINPROGRESS, self.setup.wLength, data)

    def completed(self, at: int, reply: Reply, data: bytes) -> bytes:
        """The record of its end; ``data`` is its data stage."""
        has = (_NO_SETUP, _PRESENT if self.setup.is_in else _DATA_WENT_OUT)
        if reply.lost or reply.data is None:
            status = -errno.ESHUTDOWN if reply.lost else -errno.EPIPE
            return self._record(_COMPLETE, at, has, status, 0, b"")
        return self._record(_COMPLETE, at, has, 0, len(data), data if self.setup.is_in else b"")

    def _record(
        self, kind: int, at: int, has: tuple[int, int], status: int, length: int, data: bytes
    ) -> bytes:
        endpoint = self.setup.bmRequestType & _DIRECTION_IN
        flags = _URB_DIRECTION_IN if self.setup.is_in else 0
        setup = self.setup.build() if kind == _SUBMIT else bytes(8)
        place = (_CONTROL, endpoint, self.address, self.bus)
        when = divmod(at, 1_000_000)
        extent = (status, length, len(data))
        return _URB.pack(self.identity, kind, *place, *has, *when, *extent, setup, 0, 0, flags, 0) + data


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return pack("<II", kind, length) + body + pack("<I", length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, text: str) -> bytes:
    value = text.encode()
    return pack("<HH", code, len(value)) + _padded(value) + pack("<HH", _END, 0)


def _section_header() -> bytes:
    start = pack("<IHHq", _BYTE_ORDER_MAGIC, *_VERSION, _UNKNOWN_LENGTH)
    return _block(_SECTION_HEADER, start + _option(_APPLICATION, f"dfu-emulator {__version__}"))


def _interface() -> bytes:
    """Times are in microseconds, which is what a block without an option about them says."""
    start = pack("<HHI", _LINKTYPE_USB_LINUX_MMAPPED, 0, 0)
    return _block(_INTERFACE, start + _option(_INTERFACE_NAME, "dfu-emulator"))


def _packet(at: int, data: bytes, comment: str = "") -> bytes:
    start = pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(data), len(data))
    return _block(_PACKET, start + _padded(data) + (_option(_COMMENT, comment) if comment else b""))
