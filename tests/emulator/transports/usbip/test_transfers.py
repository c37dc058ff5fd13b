"""Control transfers to an imported device."""

from contextlib import ExitStack

import pytest

from dfu_emulator.port import Port
from dfu_protocol import Request, SetupPacket, State
from emulator.host import CONFIGURE
from emulator.transports.usbip.client import (
    ENOENT,
    EOVERFLOW,
    EPIPE,
    Address,
    Imported,
    RemoteHost,
    import_once_free,
)
from emulator.transports.usbip.setups import (
    GET_CONFIGURATION,
    GET_DEVICE_DESCRIPTOR,
    GET_STATE,
    GET_STATUS,
    PORT_RESET,
    dnload,
)


@pytest.fixture
def device(stack: ExitStack, address: Address) -> Imported:
    return stack.enter_context(Imported(address))


def test_a_fresh_device_is_not_configured(port: Port, address: Address) -> None:
    port.configure()
    with Imported(address) as device:
        assert device.control(GET_CONFIGURATION) == b"\0"
        assert device.control(GET_STATUS) is None
        assert device.control(CONFIGURE) == b""
        assert device.control(GET_CONFIGURATION) == b"\1"
    with import_once_free(address) as device:
        assert device.control(GET_CONFIGURATION) == b"\0"


def test_an_import_is_a_bus_reset_to_the_bootloader(port: Port, address: Address) -> None:
    with Imported(address) as device:
        RemoteHost(device, port).idle().upload(2, 16)
        assert device.control(GET_STATE) == bytes((State.UPLOAD_IDLE,))
    with import_once_free(address) as device:
        assert device.control(CONFIGURE) == b""
        assert device.control(GET_STATE) == bytes((State.DFU_IDLE,))
        assert device.control(SetupPacket.dfu(Request.UPLOAD, 1, 16)) is None
    with import_once_free(address) as device:
        assert device.control(CONFIGURE) == b""
        assert device.control(GET_STATE) == bytes((State.ERROR,))


def test_alternate_settings_reach_the_device(device: Imported, port: Port) -> None:
    assert device.control(CONFIGURE) == b""
    assert device.control(SetupPacket(0x01, 11, 2)) == b""
    assert port.device.alternate_setting == 2
    assert device.control(SetupPacket(0x01, 11, 9)) is None


def test_a_stall_brings_nothing(device: Imported) -> None:
    for setup in (SetupPacket(0x80, 6, 0x0600, 0, 10), SetupPacket(0x21, 99)):
        device.submit(setup)
        answer = device.returned()
        assert (answer.status, answer.actual_length, answer.data) == (EPIPE, 0, b"")


def test_other_endpoints_are_none(device: Imported) -> None:
    device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, ep=1))
    assert device.returned().status == ENOENT
    device.send(device.pack_submit(dnload(b"data"), b"data", ep=1))
    assert device.returned().status == ENOENT
    assert device.control(GET_DEVICE_DESCRIPTOR) is not None


def test_more_than_the_host_has_room_for(device: Imported) -> None:
    device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, length=8))
    answer = device.returned()
    assert (answer.status, answer.actual_length) == (EOVERFLOW, 8)
    assert answer.data == bytes.fromhex("12 01 0001 00 00 00 40")


def test_an_in_request_without_data_goes_the_other_way(device: Imported) -> None:
    """As usbfs has it: a transfer of 0 bytes is an OUT, whatever its SETUP packet says."""
    assert device.control(GET_DEVICE_DESCRIPTOR._replace(wLength=0)) == b""


def test_the_largest_transfer(device: Imported) -> None:
    setup = SetupPacket(0x80, 6, 0x0200, 0, 0xFFFF)
    assert len(device.control(setup) or b"") == 54
    data = bytes(0xFFFF)
    assert device.control(SetupPacket.dfu(Request.DNLOAD, 2, len(data)), data) is None
    assert device.control(GET_DEVICE_DESCRIPTOR) is not None


@pytest.mark.parametrize("packets", [0, 0xFFFFFFFF, 0x12345678])
def test_fields_of_isochronous_transfers_go_back_as_they_came(device: Imported, packets: int) -> None:
    device.send(device.pack_submit(GET_DEVICE_DESCRIPTOR, frame=7, packets=packets))
    answer = device.returned()
    assert (answer.status, answer.start_frame, answer.number_of_packets) == (0, 7, packets)


def test_a_bus_reset_that_the_client_asks_for(device: Imported, port: Port) -> None:
    host = RemoteHost(device, port).idle()
    assert device.control(SetupPacket(0x01, 11, 2)) == b""
    host.upload(2, 16)
    assert device.control(PORT_RESET) == b""
    assert host.get_state() is State.DFU_IDLE
    assert (port.device.configuration, port.device.alternate_setting) == (1, 2)


def test_answers_come_in_the_order_of_the_requests(device: Imported) -> None:
    requests = [device.pack_submit(GET_DEVICE_DESCRIPTOR._replace(wLength=n % 19)) for n in range(200)]
    device.send(b"".join(requests))
    answers = [device.returned() for _ in requests]
    assert [answer.seqnum for answer in answers] == list(range(1, 201))
    assert [answer.actual_length for answer in answers] == [n % 19 for n in range(200)]
