"""The port: departure and return, addresses, bus resets, and those who watch."""

import threading
from itertools import pairwise
from struct import pack

import pytest

from dfu_emulator.bootloader import Departure, Reason
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Attached, Detached, DeviceGone, GivenUp, Port, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Detach, FirstContact
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, When
from dfu_protocol import Request, SetupPacket, StandardRequest, State, Status
from dfu_protocol.control import STANDARD
from emulator.host import CONFIGURE, FLASH, OPTION_BYTES, RAM, Host, Plug, variant

READ_UNPROTECT = b"\x92"
APPLICATION = pack("<II", 0x20020000, FLASH + 0x201)


def leave(host: Host) -> None:
    host.ask(Request.DNLOAD)
    assert host.get_status().bState is State.MANIFEST


class TestDepartureAndReturn:
    @pytest.fixture
    def host(self, plug: Plug) -> Host:
        """With the times of the real chip: 250 ms from a reset to the USB connection."""
        return plug(timing="real").idle()

    def test_away_until_the_clock_says_so(self, host: Host) -> None:
        before = host.clock.now()
        leave(host)
        assert host.port.returns_at == before + 250_000
        for _ in range(2):
            host.clock.sleep(124_999)
            assert not host.port.attached
            with pytest.raises(DeviceGone):
                host.port.control(CONFIGURE)
        host.clock.sleep(2)
        assert host.port.attached
        assert host.port.returns_at is None

    def test_a_control_transfer_finds_that_it_is_back(self, host: Host) -> None:
        leave(host)
        host.clock.sleep(250_000)
        assert host.port.control(CONFIGURE).data == b""

    def test_comes_back_unconfigured_and_as_after_power_up(self, host: Host) -> None:
        host.write(FLASH + 0x4000, b"kept")
        host.set_address(RAM)
        leave(host)
        host.clock.sleep(250_000)
        assert host.port.attached
        assert host.port.device.configuration == 0
        host.port.configure()
        assert host.get_status() == (Status.FIRMWARE, 0, State.ERROR, 0)
        assert host.pointer == FLASH
        assert host.idle().read(FLASH + 0x4000, 4) == b"kept"

    @pytest.mark.parametrize("data", [b"\x00\x21\x41\x92", b""], ids=["error", "first contact in dfuIDLE"])
    def test_comes_back_with_first_contact_as_the_profile_has_it(
        self, f405: Profile, plug: Plug, data: bytes
    ) -> None:
        rule = FirstContact.ERR_FIRMWARE if data else FirstContact.IDLE
        host = plug(variant(f405, "bootloader", first_contact=rule)).idle()
        host.set_address(0)
        host.clear_status()
        leave(host)
        told = host.wait_for_return().get_status()
        assert told.bState is (State.ERROR if data else State.DFU_IDLE)
        assert told.bStatus is (Status.FIRMWARE if data else Status.OK)

    def test_detached_it_comes_back_without_a_reset(self, f405: Profile, plug: Plug) -> None:
        host = plug(variant(f405, "bootloader", detach=Detach.REENUMERATE), timing="real").idle()
        host.set_address(RAM)
        before = host.clock.now()
        host.ask(Request.DETACH)
        assert host.port.returns_at == before + 250_000
        assert host.wait_for_return().get_status() == (Status.OK, 0, State.DFU_IDLE, 0)

    def test_a_departure_that_is_held_counts_from_its_answer(self, f405: Profile, plug: Plug) -> None:
        """An erase of 400 ms runs; DFU_DETACH is answered after it."""
        host = plug(variant(f405, "bootloader", detach=Detach.REENUMERATE), timing="real").idle()
        host.dnload(0, b"\x41\x00\x00\x00\x08")
        host.get_status()
        before = host.clock.now()
        assert host.dfu(Request.DETACH).hold == 400_000
        assert host.port.returns_at == before + 650_000

    def test_an_application_stays_away(self, host: Host) -> None:
        host.write(FLASH, APPLICATION)
        leave(host)
        assert host.port.returns_at is None
        host.clock.sleep(10**12)
        assert not host.port.attached

    @pytest.mark.parametrize("times", [1, 3])
    def test_the_address_counts_up(self, host: Host, times: int) -> None:
        first = host.port.address
        for number in range(times):
            assert host.port.address == first + number
            leave(host)
            host.wait_for_return().idle()
        assert host.port.address == first + times

    def test_addresses_stay_in_their_seven_bits_and_follow_each_other(self, plug: Plug) -> None:
        host = plug().idle()
        seen = [host.port.address]
        for _ in range(260):
            leave(host)
            host.wait_for_return().idle()
            seen.append(host.port.address)
        assert set(seen) <= set(range(1, 128))
        assert len(set(seen[:100])) == 100
        assert all(one != other for one, other in pairwise(seen))

    def test_the_old_address_is_gone_for_good(self, host: Host) -> None:
        old = host.port.address
        leave(host)
        host.wait_for_return()
        with pytest.raises(DeviceGone):
            host.port.control(CONFIGURE, address=old)
        with pytest.raises(DeviceGone):
            host.port.reset(old)
        assert host.port.control(CONFIGURE, address=host.port.address).data == b""

    def test_nothing_to_reset_while_it_is_away(self, host: Host) -> None:
        leave(host)
        with pytest.raises(DeviceGone):
            host.port.reset()

    def test_a_gone_device_keeps_its_state_from_those_who_knock(self, host: Host) -> None:
        leave(host)
        for _ in range(3):
            with pytest.raises(DeviceGone):
                host.port.control(SetupPacket.dfu(Request.CLRSTATUS))
        assert host.wait_for_return().get_status().bStatus is Status.FIRMWARE


class TestBusReset:
    @pytest.mark.parametrize("alternate", [0, 3])
    def test_as_an_operating_system_does_it_keeps_what_was_chosen(self, host: Host, alternate: int) -> None:
        host.port.control(SetupPacket(0x01, 11, alternate))
        host.upload(2, 16)
        seen: list[object] = []
        host.port.watch(seen.append)
        host.port.reset_and_restore(host.port.address)
        device = host.port.device
        assert (device.configuration, device.alternate_setting) == (1, alternate)
        assert len(seen) == (3 if alternate else 2)  # the reset, SET_CONFIGURATION, SET_INTERFACE
        assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)

    def test_of_a_device_that_is_no_more(self, plug: Plug) -> None:
        host = plug(boot0=False).idle()
        with pytest.raises(DeviceGone):
            host.port.reset_and_restore(host.port.address + 1)
        leave(host)
        with pytest.raises(DeviceGone):
            host.port.reset_and_restore()


class TestWatchers:
    @pytest.fixture
    def seen(self) -> list[object]:
        return []

    def test_see_the_attachment_and_each_transfer(self, plug: Plug, seen: list[object]) -> None:
        host = plug(watchers=(seen.append,))
        assert isinstance(seen[0], Attached)
        host.idle()
        seen.clear()
        host.clock.sleep(1234)
        host.dnload(0, b"\x21\x00\x40\x00\x08")
        host.get_status()
        first, second = seen
        assert isinstance(first, Transfer)
        assert isinstance(second, Transfer)
        assert first.at == host.clock.now() == 1234
        assert first.setup == SetupPacket(0x21, 1, 0, 0, 5)
        assert first.data == b"\x21\x00\x40\x00\x08"
        assert first.reply.data == b""
        assert (first.before, first.after) == (State.DFU_IDLE, State.DNLOAD_SYNC)
        assert second.data == second.reply.data == bytes.fromhex("00 000000 04 00")
        assert (second.before, second.after) == (State.DNLOAD_SYNC, State.DNBUSY)
        assert (first.pointer, second.pointer, host.pointer) == (FLASH, FLASH, FLASH + 0x4000)

    def test_see_stalls_with_the_status_after_them(self, plug: Plug, seen: list[object]) -> None:
        host = plug(watchers=(seen.append,)).idle()
        host.dfu(Request.UPLOAD, 1, 16)
        last = seen[-1]
        assert isinstance(last, Transfer)
        assert (last.reply.data, last.data) == (None, b"")
        assert (last.before, last.after, last.status) == (State.DFU_IDLE, State.ERROR, Status.STALLEDPKT)

    def test_see_when_the_host_sent_what_had_to_wait(self, host: Host, seen: list[object]) -> None:
        sent = host.clock.now()
        host.clock.sleep(1000)
        host.port.watch(seen.append)
        host.port.control(CONFIGURE, sent=sent)
        host.port.control(CONFIGURE)
        assert [(item.sent, item.at) for item in seen if isinstance(item, Transfer)] == [
            (0, 1000),
            (1000, 1000),
        ]

    def test_see_that_the_host_gives_up(self, host: Host, seen: list[object]) -> None:
        host.clock.sleep(1000)
        host.port.watch(seen.append)
        host.port.give_up(CONFIGURE, 400, host.port.address, reached=False)
        host.port.give_up(CONFIGURE, 400, host.port.address + 1, reached=False)  # has left long ago
        host.port.unplug()
        host.port.give_up(CONFIGURE, 400, host.port.address, reached=False)
        assert seen == [GivenUp(1000, CONFIGURE, 400, reached=False)]

    def test_see_departure_and_return_in_order(self, plug: Plug, seen: list[object]) -> None:
        host = plug(watchers=(seen.append,), timing="real").idle()
        host.dnload(0, READ_UNPROTECT)
        seen.clear()
        host.get_status()
        at = host.clock.now()
        host.wait_for_return()
        assert [type(item) for item in seen] == [Transfer, Detached, Attached, Transfer]
        assert seen[1] == Detached(at, Departure(Reason.READ_UNPROTECT, 16_250_000))
        assert seen[2] == Attached(at + 16_250_000, 3, host.port.device)

    def test_see_nothing_of_what_is_refused_for_want_of_a_device(
        self, plug: Plug, seen: list[object]
    ) -> None:
        host = plug(watchers=(seen.append,), boot0=False).idle()
        leave(host)
        count = len(seen)
        with pytest.raises(DeviceGone):
            host.get_status()
        assert len(seen) == count

    def test_do_not_change_what_happens(self, plug: Plug, seen: list[object]) -> None:
        for host in (plug(watchers=(seen.append,)), plug()):
            host.idle().write(FLASH, b"code")
            host.abort()
            assert host.read(FLASH, 4) == b"code"

    def test_are_all_told_the_same(self, plug: Plug, seen: list[object]) -> None:
        other: list[object] = []
        plug(watchers=(seen.append, other.append)).idle()
        assert seen == other
        assert len(seen) > 3

    def test_hear_in_order_of_what_one_of_them_brings_about(self, plug: Plug, seen: list[object]) -> None:
        def impatient(occurrence: object) -> None:
            if isinstance(occurrence, Detached):
                assert host.port.attached

        host = plug(timing="fast")
        host.idle()
        host.port.watch(impatient)
        host.port.watch(seen.append)
        host.start_reset(READ_UNPROTECT)
        assert [type(occurrence) for occurrence in seen[-3:]] == [Transfer, Detached, Attached]

    def test_of_whom_one_fails_hear_of_the_rest(self, host: Host, seen: list[object]) -> None:
        def failing(_occurrence: object) -> None:
            raise RuntimeError("this watcher fails")

        host.port.watch(failing)
        with pytest.raises(RuntimeError):
            host.get_state()
        host.port.unwatch(failing)
        host.port.watch(seen.append)
        host.get_state()
        assert len(seen) == 1

    def test_may_come_and_go(self, plug: Plug, seen: list[object]) -> None:
        host = plug().idle()
        host.port.watch(seen.append)
        host.get_state()
        assert len(seen) == 1
        host.port.unwatch(seen.append)
        host.get_state()
        assert len(seen) == 1

    def test_of_a_device_that_never_attaches_see_no_attachment(self, plug: Plug, seen: list[object]) -> None:
        assert not plug(watchers=(seen.append,), rdp=2).port.attached
        assert seen == []


def test_option_bytes_bring_it_back_after_the_reset(plug: Plug) -> None:
    host = plug(timing="real").idle()
    host.set_address(OPTION_BYTES)
    before = host.clock.now()
    host.start_reset(b"\xff\xaa" + b"\xff" * 14, block=2)
    assert host.port.returns_at is not None
    assert host.port.returns_at >= before + 250_000
    assert not host.port.attached
    host.wait_for_return()


def test_transfers_of_many_threads_do_not_mix(host: Host) -> None:
    """Each thread reads the state, which stays dfuUPLOAD-IDLE, or a block of its own."""
    for number in range(4):
        assert host.write(FLASH + number * 2048, bytes([number]) * 64).bStatus is Status.OK
    host.set_address(FLASH)
    host.abort()
    wrong: list[object] = []

    def read(port: Port, number: int) -> None:
        for _ in range(300):
            data = port.control(SetupPacket.dfu(Request.UPLOAD, 2 + number, 64)).data
            if data != bytes([number]) * 64:
                wrong.append(data)

    threads = [threading.Thread(target=read, args=(host.port, number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert host.get_state() is State.UPLOAD_IDLE


def test_an_unplugged_device_is_gone_for_good(host: Host) -> None:
    host.port.unplug()
    host.clock.sleep(10_000_000)
    assert not host.port.attached
    with pytest.raises(DeviceGone):
        host.get_state()


def test_a_device_whose_cable_was_out_is_as_it_was(host: Host) -> None:
    happened: list[object] = []
    host.set_address(FLASH + 8)
    host.port.watch(happened.append)
    address = host.port.address
    host.port.pull_cable()
    assert not host.port.attached
    with pytest.raises(DeviceGone):
        host.get_status()
    host.port.plug_cable()
    assert host.port.attached
    assert host.port.address == address + 1
    assert host.pointer == FLASH + 8
    assert [type(what) for what in happened] == [Detached, Attached]


def test_a_busy_device_whose_cable_is_out_keeps_nobody_waiting(plug: Plug) -> None:
    host = plug(timing="real").idle()
    host.dnload(0, b"\x41" + FLASH.to_bytes(4, "little"))
    host.get_status()
    assert host.port.silent_for() > 0
    host.port.pull_cable()
    assert host.port.silent_for() == 0
    host.port.plug_cable()
    assert host.port.silent_for() > 0


def test_a_device_that_is_about_to_come_back_needs_the_cable_for_it(plug: Plug) -> None:
    host = plug(timing="real").idle()
    host.start_reset(READ_UNPROTECT)
    host.port.pull_cable()
    host.clock.sleep(100_000_000)
    assert not host.port.attached
    host.port.plug_cable()
    host.port.configure()
    assert host.idle().get_state() is State.DFU_IDLE


def test_no_cable_stops_an_application(host: Host) -> None:
    host.port.device.bootloader.chip.flash.write(FLASH, APPLICATION)
    host.set_address(FLASH)
    leave(host)
    host.port.plug_cable()
    assert not host.port.attached


def test_a_device_that_leaves_before_it_is_configured_is_there_later(plug: Plug) -> None:
    when = When(request=Requests([(STANDARD, StandardRequest.SET_CONFIGURATION)]), nth=2)
    fault = Fault(do=Do.DISCONNECT, when=when, back_after=Duration(500_000))
    host = plug(scenario=Scenario(faults=(fault,)))
    host.port.reset()
    host.port.configure()
    assert not host.port.attached
    assert host.wait_for_return().idle().get_state() is State.DFU_IDLE


def test_a_port_is_unplugged_when_its_emulation_ends(f405: Profile) -> None:
    with emulated(f405) as port:
        pass
    with pytest.raises(DeviceGone):
        port.control(CONFIGURE)
