"""Chapter 9 of USB 2.0 around the bootloader, against lsusb -v of an STM32F4 with four alternate settings."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from dfu_emulator.bootloader import NEVER
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.profile.scalars import HexBytes
from dfu_emulator.serial_number import parse_unique_id
from dfu_emulator.usb_device import UsbDevice
from dfu_protocol import Request, SetupPacket, State, Status
from dfu_protocol.descriptors import parse_string
from emulator.host import CONFIGURE, Host, Plug, variant
from emulator.tables import rows

DEVICE = bytes.fromhex("12 01 00 01 00 00 00 40 83 04 11 DF 00 22 01 02 03 01")
CONFIGURATION = bytes.fromhex(
    "09 02 36 00 01 01 00 C0 32"
    "09 04 00 00 00 FE 01 02 04"
    "09 04 00 01 00 FE 01 02 05"
    "09 04 00 02 00 FE 01 02 06"
    "09 04 00 03 00 FE 01 02 07"
    "09 21 0B FF 00 00 08 1A 01"
)
FUNCTIONAL = CONFIGURATION[-9:]
STRINGS = [
    "STMicroelectronics",
    "STM32  BOOTLOADER",
    "325E35633334",
    "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
    "@Option Bytes  /0x1FFFC000/01*016 e",
    "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
    "@Device Feature/0xFFFF0000/01*004 e",
]

# Answers before and after SET_CONFIGURATION 1; "ok" is an answer without data.
CHAPTER_9 = """
| request                                | bmRequestType | bRequest | wValue | wIndex | wLength | before | after |
| GET_STATUS, device: self powered       | 80            | 0        | 0000   | 0000   | 2       | 01 00  | 01 00 |
| GET_STATUS, device, one byte           | 80            | 0        | 0000   | 0000   | 1       | 01     | 01    |
| GET_STATUS, interface 0                | 81            | 0        | 0000   | 0000   | 2       | stall  | 00 00 |
| GET_STATUS, interface 1                | 81            | 0        | 0000   | 0001   | 2       | stall  | stall |
| GET_STATUS, endpoint 0                 | 82            | 0        | 0000   | 0000   | 2       | 00 00  | 00 00 |
| GET_STATUS, endpoint 0 IN              | 82            | 0        | 0000   | 0080   | 2       | 00 00  | 00 00 |
| GET_STATUS, endpoint 1                 | 82            | 0        | 0000   | 0081   | 2       | stall  | stall |
| CLEAR_FEATURE, halt of endpoint 0      | 02            | 1        | 0000   | 0000   | 0       | ok     | ok    |
| CLEAR_FEATURE, halt of endpoint 1      | 02            | 1        | 0000   | 0081   | 0       | stall  | stall |
| CLEAR_FEATURE, remote wake-up          | 00            | 1        | 0001   | 0000   | 0       | stall  | stall |
| SET_FEATURE, remote wake-up            | 00            | 3        | 0001   | 0000   | 0       | stall  | stall |
| SET_FEATURE, test mode                 | 00            | 3        | 0002   | 0100   | 0       | stall  | stall |
| SET_ADDRESS                            | 00            | 5        | 0005   | 0000   | 0       | ok     | ok    |
| GET_DESCRIPTOR, first 8 of the device  | 80            | 6        | 0100   | 0000   | 8       | 12 01 00 01 00 00 00 40 | 12 01 00 01 00 00 00 40 |
| GET_DESCRIPTOR, device 1               | 80            | 6        | 0101   | 0000   | 18      | stall  | stall |
| GET_DESCRIPTOR, configuration          | 80            | 6        | 0200   | 0000   | 9       | 09 02 36 00 01 01 00 C0 32 | 09 02 36 00 01 01 00 C0 32 |
| GET_DESCRIPTOR, configuration 1        | 80            | 6        | 0201   | 0000   | 9       | stall  | stall |
| GET_DESCRIPTOR, languages              | 80            | 6        | 0300   | 0000   | 255     | 04 03 09 04 | 04 03 09 04 |
| GET_DESCRIPTOR, string 8               | 80            | 6        | 0308   | 0409   | 255     | stall  | stall |
| GET_DESCRIPTOR, string 255             | 80            | 6        | 03FF   | 0409   | 255     | stall  | stall |
| GET_DESCRIPTOR, interface              | 80            | 6        | 0400   | 0000   | 9       | stall  | stall |
| GET_DESCRIPTOR, endpoint               | 80            | 6        | 0500   | 0000   | 7       | stall  | stall |
| GET_DESCRIPTOR, qualifier: full speed  | 80            | 6        | 0600   | 0000   | 10      | stall  | stall |
| GET_DESCRIPTOR, other speed            | 80            | 6        | 0700   | 0000   | 9       | stall  | stall |
| GET_DESCRIPTOR, BOS                    | 80            | 6        | 0F00   | 0000   | 5       | stall  | stall |
| GET_DESCRIPTOR, Microsoft's string     | 80            | 6        | 03EE   | 0000   | 18      | stall  | stall |
| GET_DESCRIPTOR, of wLength 0           | 80            | 6        | 0100   | 0000   | 0       | ok     | ok    |
| SET_DESCRIPTOR                         | 00            | 7        | 0100   | 0000   | 0       | stall  | stall |
| GET_CONFIGURATION                      | 80            | 8        | 0000   | 0000   | 1       | 00     | 01    |
| SET_CONFIGURATION 2                    | 00            | 9        | 0002   | 0000   | 0       | stall  | stall |
| GET_INTERFACE                          | 81            | 10       | 0000   | 0000   | 1       | stall  | 00    |
| GET_INTERFACE 1                        | 81            | 10       | 0000   | 0001   | 1       | stall  | stall |
| SET_INTERFACE, alternate 0             | 01            | 11       | 0000   | 0000   | 0       | stall  | ok    |
| SET_INTERFACE, alternate 3             | 01            | 11       | 0003   | 0000   | 0       | stall  | ok    |
| SET_INTERFACE, alternate 4             | 01            | 11       | 0004   | 0000   | 0       | stall  | stall |
| SET_INTERFACE of interface 1           | 01            | 11       | 0000   | 0001   | 0       | stall  | stall |
| SYNCH_FRAME                            | 82            | 12       | 0000   | 0000   | 2       | stall  | stall |
| a request of a vendor                  | C0            | 6        | 0100   | 0000   | 18      | stall  | stall |
| a request of a vendor, Microsoft's     | C0            | 238      | 0000   | 0004   | 16      | stall  | stall |
| a reserved type                        | E0            | 6        | 0100   | 0000   | 18      | stall  | stall |
| a class request to the device          | A0            | 3        | 0000   | 0000   | 6       | stall  | stall |
| a class request to an endpoint         | A2            | 3        | 0000   | 0000   | 6       | stall  | stall |
| a standard request in its wrong way    | 00            | 6        | 0100   | 0000   | 0       | stall  | stall |
| DFU_GETSTATE                           | A1            | 5        | 0000   | 0000   | 1       | stall  | 0A    |
"""  # noqa: E501


@pytest.fixture
def port(f405: Profile) -> Iterator[Port]:
    """A device that no host has configured yet."""
    with emulated(f405) as port:
        yield port


def string(port: Port, index: int) -> str:
    data = port.control(SetupPacket(0x80, 6, 0x0300 | index, 0x0409, 255)).data
    assert data
    assert (data[0], data[1]) == (len(data), 3)
    return data[2:].decode("utf-16-le")


def test_at_first_nothing_is_chosen(port: Port) -> None:
    assert (port.device.configuration, port.device.alternate_setting) == (0, 0)


@pytest.mark.parametrize("configured", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("row", rows(CHAPTER_9), ids=lambda row: row["request"])
def test_chapter_9(port: Port, row: dict[str, str], configured: bool) -> None:
    if configured:
        port.configure()
    kind, value, index = (int(row[name], 16) for name in ("bmRequestType", "wValue", "wIndex"))
    reply = port.control(SetupPacket(kind, int(row["bRequest"]), value, index, int(row["wLength"])))
    told = "stall" if reply.data is None else reply.data.hex(" ").upper() or "ok"
    assert told == row["after" if configured else "before"]
    assert (reply.hold, reply.departure) == (0, None)
    assert port.device.bootloader.status is Status.FIRMWARE


def test_device_descriptor(f405: Profile) -> None:
    with emulated(variant(f405, "usb", bcdDevice=0x2200)) as port:
        assert port.control(SetupPacket(0x80, 6, 0x0100, 0, 18)).data == DEVICE
        assert port.control(SetupPacket(0x80, 6, 0x0100, 0, 64)).data == DEVICE
        assert port.device.device_descriptor == DEVICE


@pytest.mark.parametrize("length", [4, 9, 53, 54, 55, 255, 65535])
def test_configuration_descriptor(port: Port, length: int) -> None:
    assert port.control(SetupPacket(0x80, 6, 0x0200, 0, length)).data == CONFIGURATION[:length]


def test_functional_descriptor_by_itself(port: Port) -> None:
    """wIndex is the interface; libusb programs ask for it where they do not find it in the configuration."""
    assert port.control(SetupPacket(0x81, 6, 0x2100, 0, 9)).data == FUNCTIONAL
    assert port.control(SetupPacket(0x81, 6, 0x2100, 1, 9)).data is None
    assert port.control(SetupPacket(0x81, 6, 0x2200, 0, 9)).data is None


@pytest.mark.parametrize(("index", "text"), list(enumerate(STRINGS, 1)))
def test_strings(port: Port, index: int, text: str) -> None:
    assert string(port, index) == text


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_string_is_cut_to_wlength(port: Port, length: int) -> None:
    found = port.control(SetupPacket(0x80, 6, 0x0302, 0x0409, length)).data
    assert found == b"\x24\x03S\x00"[:length]


def test_serial_number_follows_the_unique_id_or_what_is_asked_for(f405: Profile) -> None:
    other = parse_unique_id("0023001F-35375109-36373731")
    with emulated(f405, unique_id=other) as port:
        assert string(port, 3) == port.device.serial == "365A37503537"
    with emulated(f405, unique_id=other, serial="BENCH-1") as port:
        assert string(port, 3) == "BENCH-1"


@pytest.mark.parametrize(("attributes", "status"), [(0xC0, 1), (0x80, 0), (0xE0, 1), (0xA0, 0)])
def test_self_powered_is_told_as_the_configuration_has_it(
    f405: Profile, attributes: int, status: int
) -> None:
    with emulated(variant(f405, "usb.configuration", bmAttributes=attributes)) as port:
        assert port.control(SetupPacket(0x80, 0, 0, 0, 2)).data == bytes([status, 0])
        assert port.device.configuration_descriptor[7] == attributes


@pytest.mark.parametrize("status", [0x0000, 0x0001, 0x0003, 0x1234])
def test_device_status_may_contradict_the_configuration(f405: Profile, status: int) -> None:
    """The F107 says bus powered, and self powered in its configuration."""
    with emulated(variant(f405, "usb", device_status=status)) as port:
        assert port.control(SetupPacket(0x80, 0, 0, 0, 2)).data == status.to_bytes(2, "little")
        assert port.device.configuration_descriptor[7] == 0xC0


class TestTails:
    """Bytes behind the text, which hosts have to cope with."""

    TAILS = (HexBytes(b"\x00"), HexBytes(b""), HexBytes(b"\xff\xfe\xfd"))

    @pytest.fixture
    def port(self, f405: Profile) -> Iterator[Port]:
        with emulated(replace(f405, alternate_tails=self.TAILS)) as port:
            yield port

    def get_string(self, port: Port, index: int, length: int = 255) -> bytes:
        data = port.control(SetupPacket(0x80, 6, 0x0300 | index, 0x0409, length)).data
        assert data
        return data

    def test_they_count_in_blength(self, port: Port) -> None:
        for alternate, tail in enumerate((b"\x00", b"", b"\xff\xfe\xfd", b"")):
            name = port.device.profile.alternates[alternate].encode("utf-16-le")
            assert self.get_string(port, 4 + alternate) == bytes((2 + len(name) + len(tail), 3)) + name + tail

    def test_an_odd_byte_is_not_text(self, port: Port) -> None:
        assert parse_string(self.get_string(port, 4)) == port.device.profile.alternates[0]
        assert parse_string(self.get_string(port, 6)) == port.device.profile.alternates[2] + "\ufeff"

    def test_a_string_is_cut_to_wlength(self, port: Port) -> None:
        whole = self.get_string(port, 4)
        for length in (2, len(whole) - 1, len(whole)):
            assert self.get_string(port, 4, length) == whole[:length]

    def test_other_strings_have_none(self, port: Port) -> None:
        assert [len(self.get_string(port, index)) % 2 for index in (1, 2, 3)] == [0, 0, 0]


class TestSilence:
    """The C5 never answers a GET_DESCRIPTOR for the functional descriptor alone."""

    LONE = SetupPacket(0x81, 6, 0x2100, 0, 9)

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        return plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE), timing="real").idle()

    def test_it_is_never_answered(self, host: Host) -> None:
        assert host.port.control(self.LONE).hold == NEVER

    def test_nothing_else_is_held(self, host: Host) -> None:
        host.port.control(self.LONE)
        assert host.port.control(SetupPacket(0x80, 6, 0x0200, 0, 255)).data == CONFIGURATION
        for other in (SetupPacket(0x81, 6, 0x2100, 1, 9), SetupPacket(0x81, 6, 0x2200, 0, 9)):
            assert host.port.control(other)[:2] == (None, 0)
        assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)

    def test_not_even_where_the_chip_is_busy_first(self, host: Host) -> None:
        host.dnload(0, b"\x41\x00\x00\x00\x08")
        assert host.get_status().bState is State.DNBUSY
        assert host.port.silent_for() == 400_000
        assert host.port.control(self.LONE).hold >= NEVER


@pytest.mark.parametrize("count", [1, 2, 16])
def test_any_number_of_alternate_settings(f405: Profile, count: int) -> None:
    names = tuple(f"@Memory {number}/0x08000000/01*016Kg" for number in range(count))
    with emulated(replace(f405, alternates=names)) as port:
        port.configure()
        found = port.device.configuration_descriptor
        assert len(found) == 18 + 9 * count
        assert int.from_bytes(found[2:4], "little") == len(found)
        assert found[-9:] == FUNCTIONAL
        assert [found[9 + 9 * alternate + 3] for alternate in range(count)] == list(range(count))
        assert [string(port, 4 + alternate) for alternate in range(count)] == list(names)
        assert port.control(SetupPacket(0x01, 11, count - 1)).data == b""
        assert port.control(SetupPacket(0x01, 11, count)).data is None


def test_alternate_settings_are_chosen_and_told(host: Host) -> None:
    for alternate in (3, 0, 2, 1):
        assert host.port.control(SetupPacket(0x01, 11, alternate)).data == b""
        assert host.port.control(SetupPacket(0x81, 10, 0, 0, 1)).data == bytes([alternate])
        assert host.port.device.alternate_setting == alternate
    host.port.control(SetupPacket(0x01, 11, 7))
    assert host.port.device.alternate_setting == 1


def test_set_configuration_starts_anew_with_alternate_0(host: Host) -> None:
    host.port.control(SetupPacket(0x01, 11, 2))
    host.port.control(CONFIGURE)
    assert host.port.device.alternate_setting == 0


def test_alternate_settings_do_not_choose_the_memory(host: Host) -> None:
    """The address does, alone."""
    host.write(0x08000000, b"code")
    for alternate in range(4):
        host.port.control(SetupPacket(0x01, 11, alternate))
        host.idle()
        assert host.read(0x08000000, 4) == b"code"


@pytest.mark.parametrize("request_", Request, ids=lambda request: request.label)
def test_class_requests_stall_while_unconfigured(port: Port, request_: Request) -> None:
    setup = SetupPacket.dfu(request_, 2, 6)
    data = b"" if setup.is_in else bytes(6)
    assert port.control(setup, data).data is None
    port.configure()
    port.control(SetupPacket(0x00, 9, 0))
    assert port.device.configuration == 0
    assert port.control(setup, data).data is None
    assert (port.device.bootloader.state, port.device.bootloader.status) == (State.ERROR, Status.FIRMWARE)


@pytest.mark.parametrize("interface", [1, 2, 0x0100, 0xFFFF])
@pytest.mark.parametrize("request_", Request, ids=lambda request: request.label)
def test_the_wrong_interface_stalls_and_changes_nothing(
    host: Host, request_: Request, interface: int
) -> None:
    setup = SetupPacket.dfu(request_, 2, 6, interface)
    assert host.port.control(setup, b"" if setup.is_in else bytes(6)).data is None
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)


@pytest.mark.parametrize("setup", [SetupPacket(0xC0, 1), SetupPacket(0x40, 3), SetupPacket(0x80, 200)])
def test_other_unknown_requests_stall_and_change_nothing(host: Host, setup: SetupPacket) -> None:
    assert host.port.control(setup).data is None
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)


@pytest.mark.parametrize("sent", [0, 3, 5])
def test_a_data_stage_of_another_length_than_wlength_stalls(host: Host, sent: int) -> None:
    setup = SetupPacket.dfu(Request.DNLOAD, 2, 4)
    assert host.port.control(setup, bytes(sent)).data is None
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)


class TestBusReset:
    def test_unconfigures(self, host: Host) -> None:
        host.port.control(SetupPacket(0x01, 11, 2))
        host.port.reset()
        device = host.port.device
        assert (device.configuration, device.alternate_setting) == (0, 0)

    def test_ends_what_goes_on(self, host: Host) -> None:
        host.upload(2, 16)
        host.port.reset()
        host.port.configure()
        assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)

    def test_keeps_memory_and_pointer(self, host: Host) -> None:
        host.write(0x08004000, b"code")
        host.port.reset()
        host.port.configure()
        assert host.upload(2, 4) == b"code"

    def test_keeps_an_error_until_it_is_cleared(self, plug: Plug) -> None:
        host = plug()
        host.port.reset()
        host.port.configure()
        assert host.get_status() == (Status.FIRMWARE, 0, State.ERROR, 0)


def test_answers_by_itself_without_a_port(f405: Profile, port: Port) -> None:
    device = UsbDevice(f405, port.device.bootloader, "S")
    device.control(CONFIGURE)
    assert device.control(SetupPacket(0xA1, 3, 0, 0, 6)).data == bytes.fromhex("0A 000000 0A 00")
