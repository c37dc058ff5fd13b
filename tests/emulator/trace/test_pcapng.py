"""``--pcap``: the blocks and the records of usbmon, read by the rules of their own documents."""

import errno
from functools import partial
from struct import unpack_from

import pytest

from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_emulator.trace import PcapWriter
from dfu_protocol import Request, SetupPacket
from emulator.host import Host, Plug, variant
from emulator.trace.conftest import File

SECTION_HEADER, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
HEADER = 64


def blocks(content: bytes) -> list[tuple[int, bytes]]:
    """Type and body of each block."""
    found = []
    while content:
        kind, length = unpack_from("<II", content)
        assert unpack_from("<I", content, length - 4) == (length,)
        assert length % 4 == 0
        found.append((kind, content[8 : length - 4]))
        content = content[length:]
    return found


class Record:
    """A packet of usbmon, and its time."""

    def __init__(self, block: bytes) -> None:
        _interface, high, low, captured, length = unpack_from("<5I", block)
        assert captured == length
        self.at = high << 32 | low
        packet, self.options = block[20 : 20 + length], block[20 + length + -length % 4 :]
        self.id, self.kind, self.transfer, self.endpoint = unpack_from("<QcBB", packet)
        self.device, self.bus = unpack_from("<BH", packet, 11)
        self.has_setup, self.has_data = packet[14:15], packet[15:16]
        seconds, microseconds, self.status, self.length, captured = unpack_from("<qiiII", packet, 16)
        assert seconds * 1_000_000 + microseconds == self.at
        self.setup = SetupPacket.parse(packet[40:48])
        self.data = packet[HEADER:]
        assert captured == len(self.data)


def records(file: File) -> list[Record]:
    return [Record(body) for kind, body in blocks(file.content) if kind == PACKET]


@pytest.fixture
def watched(plug: Plug, file: File) -> Host:
    """A device in dfuIDLE that is watched from then on."""
    host = plug().idle()
    host.port.watch(PcapWriter(file.open()))
    return host


def test_begins_with_a_section_and_an_interface(watched: Host, file: File) -> None:
    (kind, section), (second, interface) = blocks(file.content)
    assert (kind, *unpack_from("<IHHq", section)) == (SECTION_HEADER, 0x1A2B3C4D, 1, 0, -1)
    assert (second, *unpack_from("<HHI", interface)) == (INTERFACE, 220, 0, 0)


def test_an_in_transfer(watched: Host, file: File) -> None:
    watched.get_status()
    submit, complete = records(file)
    assert submit.setup == SetupPacket.dfu(Request.GETSTATUS, 0, 6)
    assert (submit.kind, submit.endpoint, submit.status) == (b"S", 0x80, -errno.EINPROGRESS)
    assert (submit.has_setup, submit.has_data, submit.length, submit.data) == (b"\0", b"<", 6, b"")
    assert (complete.kind, complete.endpoint, complete.status) == (b"C", 0x80, 0)
    assert (complete.has_setup, complete.has_data, complete.length) == (b"-", b"\0", 6)
    assert complete.data == b"\0\0\0\0\x02\0"
    assert (submit.id, submit.transfer) == (complete.id, 2)


def test_an_out_transfer(watched: Host, file: File) -> None:
    watched.dnload(2, b"12345")
    submit, complete = records(file)
    assert (submit.endpoint, submit.has_data, submit.length, submit.data) == (0, b"\0", 5, b"12345")
    assert (complete.endpoint, complete.has_data, complete.length, complete.data) == (0, b">", 5, b"")


def test_a_stall(watched: Host, file: File) -> None:
    watched.dfu(Request.UPLOAD, 1, 16)
    _, complete = records(file)
    assert (complete.status, complete.length, complete.data) == (-errno.EPIPE, 0, b"")


def test_a_request_that_is_held(plug: Plug, file: File) -> None:
    host = plug(timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    host.get_status()
    host.port.watch(PcapWriter(file.open()))
    host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18))
    submit, complete = records(file)
    assert complete.at - submit.at == 400_000


def test_a_request_that_is_never_answered(f405: Profile, plug: Plug, file: File) -> None:
    host = plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)).idle()
    host.port.watch(PcapWriter(file.open()))
    host.port.control(SetupPacket(0x81, 6, 0x2100, 0, 9))
    assert [record.kind for record in records(file)] == [b"S"]


@pytest.mark.parametrize("request_", [Request.UPLOAD, Request.DNLOAD])
def test_a_request_whose_answer_is_lost_with_the_device(plug: Plug, file: File, request_: Request) -> None:
    fault = Fault(do=Do.DISCONNECT, when=When(request=Requests.of(request_)))
    host = plug(scenario=Scenario(faults=(fault,))).idle()
    host.port.watch(PcapWriter(file.open()))
    with pytest.raises(DeviceGone):
        host.dfu(request_, 2, 16, b"" if request_ is Request.UPLOAD else bytes(16))
    complete = records(file)[-1]
    assert (complete.status, complete.length, complete.data) == (-errno.ESHUTDOWN, 0, b"")


def test_a_device_brings_its_descriptors_each_time_it_comes(plug: Plug, file: File) -> None:
    host = plug(watchers=(PcapWriter(file.open()),)).idle()
    host.start_reset(b"\x92")
    host.wait_for_return()
    device = host.port.device
    commented = [record for record in records(file) if b"no request of the host's" in record.options]
    descriptors = [b"", device.device_descriptor, b"", device.configuration_descriptor]
    assert [record.data for record in commented] == descriptors * 2
    assert [record.device for record in commented] == [2] * 4 + [3] * 4
    assert [record.setup for record in commented[:3:2]] == [
        SetupPacket(0x80, 6, 0x0100, 0, 18),
        SetupPacket(0x80, 6, 0x0200, 0, len(device.configuration_descriptor)),
    ]


def test_each_chip_has_a_bus_of_its_own(plug: Plug, file: File) -> None:
    writer = PcapWriter(file.open())
    for bus in (1, 2):
        plug(watchers=(partial(writer, bus=bus),)).get_state()
    found = records(file)
    assert [record.bus for record in found] == [1] * 8 + [2] * 8
    assert len({record.id for record in found}) == len(found) / 2
