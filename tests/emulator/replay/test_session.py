"""Which device of a capture is the chip, and where it goes."""

from dataclasses import replace

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import ClrStatus, FirstContact
from dfu_emulator.profile.scalars import HexBytes
from dfu_emulator.replay import Capture, CaptureError, Place, find_session
from dfu_emulator.replay.records import ControlTransfer, Outcome
from dfu_emulator.replay.steps import Arrival, Step
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, OPTION_BYTES, Host, variant
from emulator.replay import scripts
from emulator.replay.files import transfers
from emulator.replay.recorder import Script, at, found, numbered, recorded, replayed

IDS = (0x0483, 0xDF11)


@pytest.fixture
def chip(f405: Profile) -> list[Step]:
    return recorded(f405, scripts.enumerate_it_and_ask)


@pytest.fixture
def clone(f405: Profile) -> list[Step]:
    """A DFU device with other ids."""
    return recorded(variant(f405, "usb", idVendor=0x28E9, idProduct=0x0189), scripts.enumerate_it_and_ask)


@pytest.fixture
def keyboard(f405: Profile) -> list[Step]:
    """No DFU device: it is asked for its device descriptor and, by HID, for a report."""

    def script(host: Host) -> None:
        host.port.control(SetupPacket(0x80, 6, 0x0300, 0, 255))
        host.dfu(Request.DNLOAD, 0, data=b"\0")

    return at(recorded(f405, script), (1, 4))


def places(capture: Capture, chosen: Place | None = None) -> tuple[Place, ...]:
    return find_session(capture, *IDS, chosen).places


def test_the_device_with_the_profiles_ids(chip: list[Step], clone: list[Step], keyboard: list[Step]) -> None:
    assert places(numbered(keyboard, at(clone, (1, 7)), at(chip, (1, 9)))) == ((1, 9),)


def test_a_dfu_device_with_other_ids(clone: list[Step], keyboard: list[Step]) -> None:
    assert places(numbered(keyboard, at(clone, (1, 7)))) == ((1, 7),)


def test_a_device_that_is_only_seen_to_be_asked_for_its_status(f405: Profile, keyboard: list[Step]) -> None:
    steps = recorded(f405, lambda host: host.idle())
    assert places(numbered(keyboard, at(steps, (2, 7)))) == ((2, 7),)


def test_one_that_comes_again_is_followed(chip: list[Step]) -> None:
    capture = numbered(at(chip, (1, 5)), at(chip, (1, 6)))
    session = find_session(capture, *IDS)
    assert session.places == ((1, 5), (1, 6))
    assert [step.place for step in session.steps if isinstance(step, Arrival)] == [(1, 6)]


def test_several_at_a_time(chip: list[Step]) -> None:
    half = len(chip) // 2
    one, other = at(chip, (1, 5)), at(chip, (1, 6))
    capture = numbered(one[:half], other[:half], one[half:], other[half:])
    with pytest.raises(CaptureError) as caught:
        places(capture)
    assert str(caught.value) == "several DFU devices in it: 1.5, 1.6; choose the chip with --device"
    assert places(capture, (1, 6)) == ((1, 6),)


def test_no_dfu_device(keyboard: list[Step]) -> None:
    with pytest.raises(CaptureError) as caught:
        places(numbered(keyboard))
    assert str(caught.value) == "no DFU device in it, neither 0483:df11 nor another"


def test_a_device_that_is_not_there(chip: list[Step], keyboard: list[Step]) -> None:
    with pytest.raises(CaptureError) as caught:
        places(numbered(keyboard, chip), (3, 1))
    assert str(caught.value) == "there is no device 3.1 in it; there are: 1.4, 1.2"


def test_data_that_the_capture_left_out(chip: list[Step]) -> None:
    first, *others = transfers(chip)
    with pytest.raises(CaptureError, match="packet 1 is not in it as a whole, 40 bytes are missing"):
        places(Capture([replace(first, missing=40), *others], "packet"))


def leave(host: Host) -> None:
    """Into an application, of which the capture shows nothing; later the bootloader is entered again."""
    host.idle()
    scripts.polled(host, 0, b"\x41" + FLASH.to_bytes(4, "little"))
    scripts.polled(host, 0, b"\x21" + FLASH.to_bytes(4, "little"))
    scripts.polled(host, 2, bytes.fromhex("00000220 01010008") + bytes(56))
    host.ask(Request.DNLOAD, 0)
    host.get_status()


def option_bytes(host: Host) -> None:
    host.idle()
    assert host.set_address(0x1FFFC000).bStatus == 0
    host.start_reset(bytes.fromhex("FFAA") + b"\xff" * 14, block=2)


@pytest.mark.parametrize("script", [leave, option_bytes])
def test_a_chip_that_leaves_and_comes_back_elsewhere(f405: Profile, chip: list[Step], script: Script) -> None:
    capture = numbered(recorded(f405, script), at(chip, (1, 3)))
    assert found(replayed(capture.steps, f405)) == []


@pytest.mark.parametrize("script", [leave, option_bytes])
def test_a_chip_that_comes_back_at_its_old_address(f405: Profile, chip: list[Step], script: Script) -> None:
    """As on Windows: that it has come is seen by what the system asks it."""
    assert found(replayed(numbered(recorded(f405, script), chip).steps, f405)) == []


def test_a_chip_that_stays_where_the_emulator_leaves(f405: Profile) -> None:
    """It has not got the vector table that the emulator finds: the bootloader goes on."""
    steps = recorded(f405, leave)
    last = transfers(steps)[-1]
    status = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
    stays = [
        replace(last, setup=status, data=bytes((0, 0, 0, 0, 2, 0)), outcome=Outcome.ANSWERED, took=0)
    ] * 2
    result = replayed(numbered(steps, [*stays]).steps, f405)
    assert [finding[:3] for finding in found(result)] == [("bus", "is there", "has left the bus")]
    assert result.passed_over == 0


def test_requests_to_a_chip_that_has_left_fail_alike(f405: Profile) -> None:
    steps = recorded(f405, leave)
    gone = replace(transfers(steps)[-1], outcome=Outcome.FAILED, data=b"", took=10)
    result = replayed(numbered(steps, [gone, gone]).steps, f405)
    assert found(result) == []
    assert result.equal == result.transfers


def test_a_chip_that_leaves_where_the_emulator_stays(f405: Profile, chip: list[Step]) -> None:
    """Its option bytes are of another size: the emulator ignores what is written to them."""
    steps = recorded(f405, option_bytes)
    areas = f405.memory.option_bytes.areas
    longer = tuple(type(area)(area.start, HexBytes(area.factory * 2)) for area in areas)
    other = variant(f405, "memory.option_bytes", areas=longer)
    result = replayed(numbered(steps, at(chip, (1, 3))).steps, other)
    assert found(result) == [("bus", "has left the bus and come back", "stays", ("memory.option_bytes",))]


def test_the_last_answer_may_be_lost_as_the_chip_leaves(f405: Profile, chip: list[Step]) -> None:
    *steps, last = recorded(f405, option_bytes)
    assert isinstance(last, ControlTransfer)
    lost = replace(last, outcome=Outcome.FAILED, data=b"")
    assert found(replayed(numbered(steps, [lost], chip).steps, f405)) == []


def test_a_chip_that_comes_back_starts_as_after_a_reset(f405: Profile) -> None:
    in_idle = variant(f405, "bootloader", first_contact=FirstContact.IDLE)
    again = at(recorded(in_idle, scripts.enumerate_it_and_ask), (1, 3))
    result = replayed(numbered(recorded(f405, leave), again).steps, f405)
    assert {finding[3] for finding in found(result)} == {("bootloader.first_contact",)}


class TestAfterADifference:
    """Here CLRSTATUS in dfuIDLE: only the emulator goes to dfuERROR, where it refuses the next DNLOAD."""

    @pytest.fixture
    def strange(self, f405: Profile) -> Profile:
        return variant(f405, "bootloader", clrstatus=ClrStatus.IGNORE)

    def test_what_was_written_meanwhile_is_not_known(self, f405: Profile, strange: Profile) -> None:
        def script(host: Host) -> None:
            host.idle()
            scripts.polled(host, 0, b"\x41" + FLASH.to_bytes(4, "little"))
            host.clear_status()
            scripts.polled(host, 2, bytes(range(64)))
            host.abort()
            assert host.upload(2, 64) == bytes(range(64))
            scripts.upload(host, OPTION_BYTES, 16)

        result = replayed(recorded(strange, script), f405)
        assert [finding[::3] for finding in found(result)] == [("answer", ("bootloader.clrstatus",))]
        assert [forced.told for forced in result.forced] == [(State.DNLOAD_IDLE, Status.OK)]
        assert result.at_start == 0

    def test_the_address_pointer_is_the_captured_chips(self, f405: Profile, strange: Profile) -> None:
        """Of all the chip holds the bootloader id is what tells that."""
        place = f405.memory.system.bootloader_id_address
        assert place is not None

        def script(host: Host) -> None:
            host.idle()
            host.clear_status()
            scripts.polled(host, 0, b"\x21" + place.to_bytes(4, "little"))
            host.abort()
            host.upload(2, 1)

        result = replayed(recorded(variant(strange, "memory.system", bootloader_id=0x55), script), f405)
        assert [finding[3] for finding in found(result)] == [
            ("bootloader.clrstatus",),
            ("memory.system.bootloader_id",),
        ]
