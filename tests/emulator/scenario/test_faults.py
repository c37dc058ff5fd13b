"""What each kind of fault does to a request, to the bootloader and to the flash."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.bootloader import NEVER, Reason
from dfu_emulator.port import Detached, DeviceGone, Occurrence, Transfer
from dfu_emulator.profile.model import HeldAt, Rdp1
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import (
    Do,
    Fault,
    FaultyDevice,
    Jobs,
    Moment,
    Numbers,
    Requests,
    Scenario,
    States,
    When,
)
from dfu_emulator.scenario.scalars import Probability, StatusName
from dfu_emulator.timing import WorkKind
from dfu_emulator.trace.describe import describe
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.chips import stm32f405
from emulator.host import FLASH, OPTION_BYTES, TRANSFER_SIZE, Host, Plug, Stalled, plugged, variant

SECOND = 1_000_000
BLOCK = bytes(range(1, 255)) * 8
GETSTATUS_OF_ERASE = When(request=Requests.of(Request.GETSTATUS), job=Jobs([WorkKind.ERASE]))


def fault(do: Do, *requests: Request, **keys: Any) -> Scenario:
    """A scenario of one fault that hits the first of ``requests``."""
    keys.setdefault("when", When(request=Requests.of(*requests)))
    return Scenario(faults=(Fault(do=do, **keys),))


def test_a_stall_keeps_the_request_from_the_bootloader(plug: Plug) -> None:
    host = plug(scenario=fault(Do.STALL, Request.UPLOAD)).idle()
    with pytest.raises(Stalled):
        host.upload(2, 16)
    assert host.get_state() is State.DFU_IDLE
    assert host.upload(2, 16) == b"\xff" * 16


def test_a_stalled_download_does_not_take_its_data(plug: Plug) -> None:
    host = plug(scenario=fault(Do.STALL, Request.DNLOAD)).idle()
    setup = SetupPacket.dfu(Request.DNLOAD, 2, 16)
    assert not host.port.takes_data(setup)
    assert host.port.control(setup, bytes(16)).data is None
    assert host.port.takes_data(setup)
    assert host.port.control(setup, bytes(16)).data == b""


def test_what_is_foreseen_is_counted_once(plug: Plug) -> None:
    second = When(request=Requests.of(Request.DNLOAD), nth=2)
    host = plug(scenario=fault(Do.STALL, when=second)).idle()
    setup = SetupPacket.dfu(Request.DNLOAD, 0, 1)
    for stalls in (False, True):
        assert host.port.takes_data(setup) is not stalls
        assert (host.port.control(setup, b"\x00").data is None) is stalls
        host.abort()


def test_an_error_of_getstatus_is_told(plug: Plug) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), state=States([State.DNBUSY]))
    host = plug(scenario=fault(Do.ERROR, when=when, status=StatusName(Status.VERIFY))).idle()
    told = host.write(FLASH, BLOCK)
    assert (told.bStatus, told.bState) == (Status.VERIFY, State.ERROR)
    host.clear_status()
    assert host.write(FLASH, BLOCK).bStatus is Status.OK


@pytest.mark.parametrize("request_", [Request.UPLOAD, Request.DNLOAD, Request.ABORT])
def test_an_error_of_another_request_is_a_stall(plug: Plug, request_: Request) -> None:
    host = plug(scenario=fault(Do.ERROR, request_, status=StatusName(Status.PROG)))
    host.clear_status()
    data = bytes(16) if request_ is Request.DNLOAD else b""
    assert host.dfu(request_, 2, 16, data).data is None
    assert host.get_status() == (Status.PROG, 0, State.ERROR, 0)


def test_a_delay_comes_on_top(plug: Plug) -> None:
    host = plug(scenario=fault(Do.DELAY, Request.GETSTATE, time=Duration(6 * SECOND)))
    assert host.dfu(Request.GETSTATE, length=1).hold == 6 * SECOND
    assert host.dfu(Request.GETSTATE, length=1).hold == 0


def test_a_request_times_out_before_the_bootloader_sees_it(plug: Plug) -> None:
    host = plug(scenario=fault(Do.TIMEOUT, Request.DNLOAD)).idle()
    assert not host.port.takes_data(SetupPacket.dfu(Request.DNLOAD, 2, 4))
    assert host.dfu(Request.DNLOAD, 2, data=b"abcd").hold >= NEVER
    assert host.get_state() is State.DFU_IDLE


def test_or_it_is_done_and_the_answer_is_lost(plug: Plug) -> None:
    host = plug(scenario=fault(Do.TIMEOUT, Request.DNLOAD, moment=Moment.DURING)).idle()
    assert host.dfu(Request.DNLOAD, 2, data=b"abcd").hold >= NEVER
    assert host.get_state() is State.DNLOAD_SYNC


def test_an_upload_ends_early(plug: Plug) -> None:
    host = plug(scenario=fault(Do.SHORT, Request.UPLOAD, bytes=5)).idle()
    assert [len(host.upload(2, 16)) for _ in range(2)] == [5, 16]


def test_a_short_upload_of_nothing(plug: Plug) -> None:
    host = plug(scenario=fault(Do.SHORT, Request.UPLOAD, bytes=0)).idle()
    assert host.upload(2, 16) == b""


@given(st.integers(1, 40), st.integers(0, 100))
@settings(max_examples=20)
def test_bits_of_an_upload_flip(bits: int, seed: int) -> None:
    with plugged(stm32f405(), scenario=fault(Do.CORRUPT, Request.UPLOAD, bits=bits), seed=seed) as host:
        host.idle()
        wrong, right = host.upload(2, 16), host.upload(2, 16)
        assert right == b"\xff" * 16
        assert _differing_bits(wrong, right) == bits
    with plugged(stm32f405(), scenario=fault(Do.CORRUPT, Request.UPLOAD, bits=bits), seed=seed) as again:
        again.idle()
        assert again.upload(2, 16) == wrong


def test_bits_of_a_download_flip(plug: Plug) -> None:
    host = plug(
        scenario=fault(Do.CORRUPT, when=When(request=Requests.of(Request.DNLOAD), block=Numbers((2, 2))))
    )
    host.idle()
    assert host.write(FLASH, BLOCK).bStatus is Status.OK
    host.idle()
    assert _differing_bits(host.read(FLASH, len(BLOCK)), BLOCK) == 1


def test_bw_poll_timeout_lies(plug: Plug) -> None:
    host = plug(scenario=fault(Do.POLL_TIMEOUT, Request.GETSTATUS, bwPollTimeout=0xFFFFFF))
    assert host.get_status() == (Status.FIRMWARE, 0xFFFFFF, State.ERROR, 0)
    assert host.get_status() == (Status.FIRMWARE, 0, State.ERROR, 0)


def test_a_bus_reset_ends_a_job(plug: Plug) -> None:
    when = When(
        request=Requests.of(Request.GETSTATUS), state=States([State.DNBUSY]), job=Jobs([WorkKind.WRITE])
    )
    host = plug(scenario=fault(Do.BUS_RESET, when=when)).idle()
    assert host.write(FLASH, BLOCK) == (Status.OK, 0, State.DFU_IDLE, 0)
    assert host.read(FLASH, len(BLOCK)) == BLOCK


def test_a_bus_reset_lets_a_download_in(plug: Plug) -> None:
    host = plug(scenario=fault(Do.BUS_RESET, when=When(request=Requests.of(Request.DNLOAD), nth=2))).idle()
    host.dnload(2, b"abcd")
    assert host.port.takes_data(SetupPacket.dfu(Request.DNLOAD, 2, 4))
    assert host.port.device.bootloader.state is State.DNLOAD_SYNC  # nothing has happened yet
    host.dnload(2, b"abcd")
    assert host.get_state() is State.DNLOAD_SYNC


@pytest.mark.parametrize(
    ("scenario", "data"),
    [
        (fault(Do.SHORT, Request.UPLOAD, bytes=4000), b""),
        (fault(Do.CORRUPT, Request.ABORT, Request.UPLOAD), b""),
        (fault(Do.CORRUPT, Request.DNLOAD), b""),
        (fault(Do.POWER_LOSS, when=GETSTATUS_OF_ERASE), b"\x21" + FLASH.to_bytes(4, "little")),
    ],
    ids=["too long", "no data", "empty", "no erase"],
)
def test_what_changes_nothing_is_no_hit(plug: Plug, scenario: Scenario, data: bytes) -> None:
    seen: list[Occurrence] = []
    host = plug(scenario=scenario, watchers=(seen.append,)).idle()
    host.abort()
    host.ask(Request.DNLOAD, 0, data=data)
    host.get_status()
    device = host.port.device
    assert isinstance(device, FaultyDevice)
    assert not device.hits
    assert "scenario" not in "".join(map(describe, seen))


@pytest.mark.parametrize("do", [Do.STALL, Do.ERROR, Do.TIMEOUT])
def test_what_changes_something_is_one(plug: Plug, do: Do) -> None:
    status = StatusName(Status.PROG) if do is Do.ERROR else None
    host = plug(scenario=fault(do, Request.GETSTATE, status=status)).idle()
    host.dfu(Request.GETSTATE, length=1)
    host.dfu(Request.GETSTATE, length=1)
    device = host.port.device
    assert isinstance(device, FaultyDevice)
    assert device.hits == 1


def test_the_cable_is_out_before_a_request(plug: Plug) -> None:
    host = plug(scenario=fault(Do.DISCONNECT, Request.DNLOAD, back_after=Duration(SECOND))).idle()
    assert not host.port.takes_data(SetupPacket.dfu(Request.DNLOAD, 2, 4))
    with pytest.raises(DeviceGone):
        host.dnload(2, b"abcd")
    assert not host.port.attached
    assert host.wait_for_return().get_state() is State.DFU_IDLE


def test_the_cable_is_out_during_a_request(plug: Plug) -> None:
    seen: list[Occurrence] = []
    scenario = fault(Do.DISCONNECT, Request.UPLOAD, moment=Moment.DURING)
    host = plug(scenario=scenario, watchers=(seen.append,)).idle()
    with pytest.raises(DeviceGone):
        host.upload(2, 16)
    assert not host.port.attached
    assert host.port.returns_at is None
    transfer, gone = seen[-2:]
    assert isinstance(transfer, Transfer)
    assert isinstance(gone, Detached)
    assert gone.departure.reason is Reason.UNPLUGGED
    assert transfer.reply.lost
    assert transfer.reply.data == b"\xff" * 16


def test_the_cable_is_out_after_a_request(plug: Plug) -> None:
    scenario = fault(Do.DISCONNECT, Request.UPLOAD, moment=Moment.AFTER, back_after=Duration(SECOND))
    host = plug(scenario=scenario).idle()
    assert host.upload(2, 16) == b"\xff" * 16
    with pytest.raises(DeviceGone):
        host.get_state()


def test_a_chip_that_leaves_has_left_though_its_answer_is_lost(plug: Plug) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), state=States([State.MANIFEST_SYNC]))
    seen: list[Occurrence] = []
    host = plug(
        scenario=fault(Do.DISCONNECT, when=when, moment=Moment.DURING), watchers=(seen.append,)
    ).idle()
    host.dnload(2, b"")
    with pytest.raises(DeviceGone):
        host.get_status()
    gone = seen[-1]
    assert isinstance(gone, Detached)
    assert gone.departure.reason is Reason.LEAVE
    # There is no application: it resets, and the boot pin leads back.
    assert host.wait_for_return().get_status().bStatus is Status.FIRMWARE


def test_a_chip_whose_cable_was_out_has_gone_on(plug: Plug) -> None:
    # dfuERROR outlives the bus reset, and so does Address_Pointer: the chip had power all the time.
    when = When(request=Requests.of(Request.GETSTATUS), state=States([State.ERROR]), nth=2)
    scenario = fault(Do.DISCONNECT, when=when, back_after=Duration(SECOND))
    host = plug(scenario=scenario).idle()
    host.set_address(FLASH + 0x4000)
    host.dfu(Request.UPLOAD, 2, 16)
    with pytest.raises(DeviceGone):
        host.get_status()
    assert host.wait_for_return().get_status() == (Status.STALLEDPKT, 0, State.ERROR, 0)
    assert host.pointer == FLASH + 0x4000


def _lose_power(host: Host) -> None:
    """Erase the first sector, of which a half is done."""
    host.dnload(0, b"\x41" + FLASH.to_bytes(4, "little"))
    assert host.get_status().bState is State.DNBUSY
    assert not host.port.attached


def test_power_goes_in_an_erase(plug: Plug) -> None:
    scenario = fault(Do.POWER_LOSS, when=GETSTATUS_OF_ERASE, back_after=Duration(SECOND))
    host = plug(scenario=scenario).idle()
    flash = host.port.device.bootloader.chip.flash
    flash.disturb(FLASH, bytes(0x8000))
    _lose_power(host)
    half = host.port.device.bootloader.chip.flash.cells[:0x4000]
    assert 0.45 < _differing_bits(bytes(half), bytes(0x4000)) / (0x4000 * 8) < 0.55
    assert flash.cells[0x4000:0x8000] == bytes(0x4000)
    # Power is back: as after a reset, with the flash as it was left.
    assert host.wait_for_return().get_status().bStatus is Status.FIRMWARE
    assert host.idle().read(FLASH, 0x4000) == bytes(half)


def test_power_goes_in_a_read_unprotect_which_is_to_be_done_again(plug: Plug) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs([WorkKind.READ_UNPROTECT]))
    scenario = fault(Do.POWER_LOSS, when=when, back_after=Duration(SECOND))
    host = plug(scenario=scenario, rdp=1).idle()
    chip = host.port.device.bootloader.chip
    chip.flash.disturb(FLASH, bytes(0x4000))
    host.start_reset(b"\x92")
    assert bytes(0x4000) != bytes(chip.flash.cells[:0x4000]) != b"\xff" * 0x4000
    assert host.wait_for_return().idle().set_address(FLASH).bStatus is Status.VENDOR
    host.idle().start_reset(b"\x92")
    assert host.wait_for_return().idle().read(FLASH, 0x4000) == b"\xff" * 0x4000


def test_power_goes_while_option_bytes_lift_the_read_protection(plug: Plug) -> None:
    profile = variant(stm32f405(), "protection", set_address=Rdp1.ALLOW, write=Rdp1.ALLOW)
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs([WorkKind.WRITE]))
    scenario = fault(Do.POWER_LOSS, when=when, back_after=Duration(SECOND))
    host = plug(profile, scenario=scenario, rdp=1).idle()
    chip = host.port.device.bootloader.chip
    chip.flash.disturb(FLASH, bytes(0x4000))
    host.set_address(OPTION_BYTES)
    options = bytes(chip.option_bytes.areas[0].cells)
    host.start_reset(options.replace(b"\x55", b"\xaa"), block=2)
    assert bytes(0x4000) != bytes(chip.flash.cells[:0x4000]) != b"\xff" * 0x4000
    assert chip.option_bytes.rdp_level == 1


def test_power_goes_in_a_write(plug: Plug) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs([WorkKind.WRITE]))
    host = plug(scenario=fault(Do.POWER_LOSS, when=when, done=Probability(0.25))).idle()
    host.set_address(FLASH)
    host.dnload(2, BLOCK)
    host.get_status()
    assert not host.port.attached
    assert host.port.returns_at is None
    length = len(BLOCK) // 4
    assert bytes(host.port.device.bootloader.chip.flash.cells[: len(BLOCK)]) == BLOCK[:length] + b"\xff" * (
        len(BLOCK) - length
    )


def test_power_goes_at_the_first_job_whatever_was_asked_before(plug: Plug) -> None:
    host = plug(scenario=fault(Do.POWER_LOSS, Request.GETSTATUS)).idle()
    assert host.port.attached
    _lose_power(host)


def test_the_image_has_what_is_half_done(plug: Plug, tmp_path: Any) -> None:
    image = tmp_path / "flash.bin"
    scenario = fault(Do.POWER_LOSS, when=GETSTATUS_OF_ERASE)
    host = plug(scenario=scenario, image=image).idle()
    host.port.device.bootloader.chip.flash.disturb(FLASH, bytes(0x4000))
    _lose_power(host)
    cells = bytes(host.port.device.bootloader.chip.flash.cells)
    assert image.read_bytes() == cells
    assert bytes(0x4000) != cells[:0x4000] != b"\xff" * 0x4000


def test_an_answer_that_is_held_is_lost_with_the_power(plug: Plug) -> None:
    profile = variant(stm32f405(), "bootloader", held_at=HeldAt.START)
    host = plug(profile, scenario=fault(Do.POWER_LOSS, when=GETSTATUS_OF_ERASE), timing="real").idle()
    host.dnload(0, b"\x41" + FLASH.to_bytes(4, "little"))
    with pytest.raises(DeviceGone):
        host.get_status()


def test_the_first_fault_that_hits_acts(plug: Plug) -> None:
    when = When(request=Requests.of(Request.UPLOAD))
    faults = (Fault(do=Do.SHORT, when=when, bytes=3), Fault(do=Do.STALL, when=when))
    host = plug(scenario=Scenario(faults=faults)).idle()
    assert len(host.upload(2, 16)) == 3
    assert len(host.upload(2, 16)) == 16


def test_the_trace_says_what_the_scenario_did(plug: Plug) -> None:
    seen: list[Occurrence] = []
    host = plug(scenario=fault(Do.CORRUPT, Request.UPLOAD, bits=2), watchers=(seen.append,)).idle()
    host.upload(2, 16)
    assert describe(seen[-1]).endswith("; scenario: 2 bits of the data flip")


def test_faults_of_getstatus_and_dnload_leave_the_rest_as_it_is(plug: Plug) -> None:
    host = plug(scenario=fault(Do.SHORT, Request.DNLOAD, bytes=1)).idle()
    assert host.write(FLASH, BLOCK[:TRANSFER_SIZE]).bStatus is Status.OK


def _differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).bit_count()
