"""Reading a board: emulated ones, through PyUSB."""

import pytest
from msgspec.structs import replace

from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel, FirstContact, HeldAt
from dfu_emulator.survey import SurveyError, choose
from dfu_emulator.survey.board import find_boards
from dfu_emulator.transports.inprocess import Backend
from dfu_protocol import Request, State, Status
from dfu_protocol.control import CLASS
from emulator.host import FLASH, Host, Plug, variant
from emulator.survey.boards import survey_at, survey_of

ERASE = b"\x41\x00\x00\x00\x08"
HARMLESS = {Request.GETSTATE, Request.GETSTATUS, Request.CLRSTATUS, Request.ABORT}


def dfu_requests(occurrences: list[Occurrence]) -> list[Transfer]:
    return [o for o in occurrences if isinstance(o, Transfer) and o.setup.type == CLASS]


def test_all_that_a_board_tells(f405: Profile) -> None:
    survey = survey_of(f405)
    usb, dfu = f405.usb, f405.dfu
    assert survey.alternates == f405.alternates
    assert dict(survey.values) == {
        "usb.bcdUSB": usb.bcdUSB,
        "usb.bMaxPacketSize0": usb.bMaxPacketSize0,
        "usb.idVendor": usb.idVendor,
        "usb.idProduct": usb.idProduct,
        "usb.bcdDevice": usb.bcdDevice,
        "usb.manufacturer": usb.manufacturer,
        "usb.product": usb.product,
        "usb.configuration.bmAttributes": usb.configuration.bmAttributes,
        "usb.configuration.bMaxPower": usb.configuration.bMaxPower,
        "usb.device_status": 1,
        "dfu.bmAttributes": dfu.bmAttributes,
        "dfu.wDetachTimeOut": dfu.wDetachTimeOut,
        "dfu.wTransferSize": dfu.wTransferSize,
        "dfu.bcdDFUVersion": dfu.bcdDFUVersion,
        "alternate_tails": (),
        "bootloader.first_contact": "errFIRMWARE",
        "bootloader.commands": (0x00, 0x21, 0x41, 0x92),
        "timing.poll_timeout.idle": f405.timing.poll_timeout.idle,
        "timing.poll_timeout.set_address": f405.timing.poll_timeout.set_address,
    }
    assert (survey.serial, survey.path, survey.notes) == ("325E35633334", "1-1", ())


def test_nothing_is_erased_or_written(plug: Plug) -> None:
    seen: list[Occurrence] = []
    host = plug(watchers=(seen.append,))
    survey_at(host.port)
    requests = dfu_requests(seen)
    for transfer in requests:
        match transfer.setup.bRequest:
            case Request.DNLOAD:
                assert (transfer.setup.wValue, transfer.data) == (0, b"\x21" + FLASH.to_bytes(4, "little"))
            case Request.UPLOAD:
                assert transfer.setup.wValue == 0
            case other:
                assert other in HARMLESS
    assert {Request.DNLOAD, Request.UPLOAD} <= {transfer.setup.bRequest for transfer in requests}
    assert all(transfer.reply.data is not None for transfer in requests)
    assert host.get_state() is State.DFU_IDLE


def test_an_erase_that_an_earlier_program_left_waiting_is_dropped(plug: Plug) -> None:
    host = plug().idle()
    host.write(FLASH, b"\x12\x34\x56\x78")
    host.dnload(0, ERASE)
    survey = survey_at(host.port)
    assert survey.values["timing.poll_timeout.set_address"] == 0
    assert host.get_state() is State.DFU_IDLE
    assert host.read(FLASH, 4) == b"\x12\x34\x56\x78"


@pytest.mark.parametrize("request_", [Request.DNLOAD, Request.UPLOAD])
def test_a_board_that_an_earlier_program_left_somewhere_else(plug: Plug, request_: Request) -> None:
    host = plug().idle()
    if request_ is Request.DNLOAD:
        host.dnload(0, b"")  # what would make it leave at the next GETSTATUS
    else:
        host.upload(2, 2048)
    survey = survey_at(host.port)
    assert "bootloader.first_contact" not in survey.values
    assert survey.values["bootloader.commands"] == (0x00, 0x21, 0x41, 0x92)
    assert host.get_state() is State.DFU_IDLE


def test_an_idle_first_contact_proves_nothing(plug: Plug, f405: Profile) -> None:
    host = plug(variant(f405, "bootloader", first_contact=FirstContact.IDLE))
    survey = survey_at(host.port)
    assert "bootloader.first_contact" not in survey.values
    (note,) = survey.notes
    assert note.startswith("The first DFU_GETSTATUS said dfuIDLE, OK.")


def test_a_device_that_is_not_dfuse_gets_no_command(plug: Plug, f405: Profile) -> None:
    seen: list[Occurrence] = []
    host = plug(variant(f405, "dfu", bcdDFUVersion=0x0110), watchers=(seen.append,))
    survey = survey_at(host.port)
    assert Request.DNLOAD not in {transfer.setup.bRequest for transfer in dfu_requests(seen)}
    assert "timing.poll_timeout.set_address" not in survey.values


def test_a_chip_without_set_address_pointer_does_not_get_it(plug: Plug, f405: Profile) -> None:
    seen: list[Occurrence] = []
    host = plug(variant(f405, "bootloader", commands=(0x00, 0x41)), watchers=(seen.append,))
    survey = survey_at(host.port)
    assert survey.values["bootloader.commands"] == (0x00, 0x41)
    assert Request.DNLOAD not in {transfer.setup.bRequest for transfer in dfu_requests(seen)}


def test_a_read_protected_chip(plug: Plug) -> None:
    host = plug(rdp=1, timing="real")
    survey = survey_at(host.port)
    assert survey.values["timing.poll_timeout.set_address"] == 104
    assert (host.get_state(), host.status, survey.notes) == (State.DFU_IDLE, Status.OK, ())


@pytest.mark.parametrize("busy", BusyModel)
@pytest.mark.parametrize("held_at", HeldAt)
def test_whatever_a_busy_chip_does(plug: Plug, f405: Profile, busy: BusyModel, held_at: HeldAt) -> None:
    host = plug(variant(f405, "bootloader", busy=busy, held_at=held_at), timing="real")
    survey = survey_at(host.port)
    assert survey.values["timing.poll_timeout.set_address"] == 104
    assert (host.get_state(), survey.notes) == (State.DFU_IDLE, ())


@pytest.mark.parametrize("tails", [(b"\x00",), (b"", b"\x07"), (b"\x00", b"", b"\x00\xd8\x01")])
def test_bytes_behind_the_text_of_a_name(f405: Profile, tails: tuple[bytes, ...]) -> None:
    survey = survey_of(replace(f405, alternate_tails=tails))
    assert survey.alternates == f405.alternates
    assert survey.values["alternate_tails"] == tails


def test_one_of_several_boards(plug: Plug) -> None:
    backend = Backend(plug(serial="ONE").port, plug(serial="TWO").port)
    boards = find_boards(backend)
    assert choose(boards, serial="TWO").path == "1-2"
    assert choose(boards, path="1-1").serial == "ONE"
    with pytest.raises(SurveyError, match="there are 2 boards, choose one by --serial or --path: path 1-1, "):
        choose(boards)
    with pytest.raises(SurveyError, match="no board has that serial number and path; there are: path 1-1, "):
        choose(boards, serial="ONE", path="1-2")


def test_no_board(host: Host) -> None:
    host.port.unplug()
    with pytest.raises(SurveyError, match="no board in its DFU bootloader was found: plug it in"):
        find_boards(Backend(host.port))
