"""Devices that are busy: how often they are asked, how long they are waited for, and those that never end."""

from array import array
from typing import Any

import pytest
import usb.core

from dfu_emulator.emulation import emulated
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import BusyModel, HeldAt
from dfu_emulator.transports.inprocess import Backend
from dfu_host.errors import DeviceTimeoutError, HostError, StillBusyError
from dfu_protocol import Erase, Request, State, Status
from emulator.host import variant
from host_client.bench import FLASH, Bench, MakeBench

DATA = bytes(range(256)) * 20
LATE_SECTORS = 0x08020000
WEDGED = 0x08100000


class TestBusy:
    @pytest.mark.parametrize("held_at", HeldAt)
    @pytest.mark.parametrize("busy", BusyModel)
    def test_every_model_with_real_times(
        self, make_bench: MakeBench, f405: Profile, busy: BusyModel, held_at: HeldAt
    ) -> None:
        bench = make_bench(variant(f405, "bootloader", busy=busy, held_at=held_at), timing="real")
        with bench.session() as session:
            session.write(FLASH, DATA)
            session.erase_page(FLASH)
            session.write(FLASH, DATA[::-1])
            session.mass_erase()
            session.write(FLASH + 4096, DATA)
        assert bench.flash[: 4096 + len(DATA)] == b"\xff" * 4096 + DATA
        # Mass erase alone takes that long, though this chip reports 100 ms for it.
        assert bench.clock.now() > 8_000_000

    def test_poll_timeout_is_waited_for(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(f405, timing="real")
        with bench.session() as session:
            session.set_address(FLASH)
        assert bench.clock.now() >= 104_000

    @pytest.mark.parametrize("stalls", [1, 3])
    def test_stalled_polls_are_repeated(self, f405_bench: Bench, stalls: int) -> None:
        f405_bench.backend = Stalling(f405_bench, stalls)
        with f405_bench.session() as session:
            session.erase_page(FLASH)
            session.write(FLASH, DATA)
        assert f405_bench.flash[: len(DATA)] == DATA

    def test_four_stalls_are_too_many(self, f405_bench: Bench) -> None:
        f405_bench.backend = Stalling(f405_bench, 4)
        with f405_bench.session() as session, pytest.raises(HostError, match="stalled 4 times in a row"):
            session.erase_page(FLASH)

    def test_a_job_that_never_ends(self, make_bench: MakeBench, f405: Profile) -> None:
        wedging = variant(f405, "bootloader", busy=BusyModel.POLL, wedge_from=LATE_SECTORS)
        bench = make_bench(wedging, timing="real")
        with bench.session() as session:
            session.erase_page(FLASH)
            with pytest.raises(StillBusyError, match=r"still busy after 8 s$"):
                session.erase_page(LATE_SECTORS)
            session.write(FLASH, DATA)
        # It has been freed, so that nothing has to wait for it once more.
        assert bench.clock.now() < 60_000_000
        assert bench.flash[: len(DATA)] == DATA

    @pytest.mark.parametrize("timing", ["fast", "real"])
    def test_is_asked_ever_more_seldom(self, make_bench: MakeBench, f405: Profile, timing: str) -> None:
        wedging = variant(f405, "bootloader", busy=BusyModel.POLL, wedge_from=LATE_SECTORS)
        bench = make_bench(wedging, timing=timing)
        with bench.session() as session, pytest.raises(StillBusyError):
            session.erase_page(LATE_SECTORS)
        assert len(bench.requests(Request.GETSTATUS)) < 150

    def test_what_another_program_left_busy(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(variant(f405, "bootloader", busy=BusyModel.POLL, wedge_from=LATE_SECTORS))
        bench.send(Request.CLRSTATUS)
        bench.send(Request.DNLOAD, data=Erase(LATE_SECTORS).build())
        bench.send(Request.GETSTATUS, length=6)
        with bench.session() as session:
            session.to_idle()
        assert bench.state is State.DFU_IDLE
        assert 100 < len(bench.requests(Request.GETSTATUS)) < 700

    def test_an_answer_that_is_held_for_too_long(self, make_bench: MakeBench, f405: Profile) -> None:
        slow = variant(f405, "bootloader", busy=BusyModel.BLOCK, held_at=HeldAt.START)
        bench = make_bench(slow, timing="real")
        bench.backend = Slow(bench)
        with bench.session() as session, pytest.raises(DeviceTimeoutError, match="DFU_GETSTATUS: no answer"):
            session.mass_erase()


class TestEraseThatNeverEnds:
    """The STM32H743's ROM, which stays in dfuDNBUSY for its second mebibyte."""

    SECTOR = 128 * 1024

    @pytest.fixture
    def h743(self, make_bench: MakeBench) -> Bench:
        bench = make_bench(load("stm32h743"), timing="real")
        with bench.session() as session:
            session.write(WEDGED, DATA)
            session.write(WEDGED + self.SECTOR, DATA)
        return bench

    def test_is_found_to_have_ended(self, h743: Bench) -> None:
        before = h743.clock.now()
        with h743.session() as session:
            session.erase_page(WEDGED, self.SECTOR)
            assert session.condition() == (State.DFU_IDLE, Status.OK)
        assert 8_000_000 <= h743.clock.now() - before < 8_500_000
        assert len(h743.requests(Request.CLRSTATUS)) == 2
        assert h743.flash[2**20 :].startswith(b"\xff" * self.SECTOR + DATA)

    def test_has_not_ended_where_the_page_is_not_blank(self, h743: Bench) -> None:
        # Silicon that says nothing of write protection: sector 0 here, and the trouble from there on.
        chip = variant(load("stm32h743"), "bootloader", wedge_from=FLASH)
        with emulated(chip, clock=h743.clock) as port:
            port.configure()
            port.device.bootloader.chip.option_bytes.areas[0].cells[0x1C] = 0xFE
            port.device.bootloader.chip.flash.write(FLASH, bytes(self.SECTOR))
            h743.backend = Backend(port)
            with (
                h743.session() as session,
                pytest.raises(StillBusyError, match=r"busy.*not blank.*protected") as caught,
            ):
                session.erase_page(FLASH, self.SECTOR)
            assert caught.value.lasting

    @pytest.mark.parametrize("timing", ["fast", "real"])
    def test_costs_the_most_once(self, make_bench: MakeBench, timing: str) -> None:
        there = make_bench(load("stm32h743"), timing=timing)
        with there.session() as session:
            session.erase_page(WEDGED, self.SECTOR)
            first, polls = there.clock.now(), len(there.requests(Request.GETSTATUS))
            assert polls < 150
            for nth in range(1, 8):
                session.erase_page(WEDGED + nth * self.SECTOR, self.SECTOR)
        assert there.clock.now() - first < 7 * 2_500_000
        assert len(there.requests(Request.GETSTATUS)) - polls < 7 * 80

    def test_a_slow_page_gets_its_time(self, h743: Bench) -> None:
        h743.backend = backend = NotYetBlank(h743)
        with h743.session() as session:
            session.erase_page(WEDGED, self.SECTOR)
            backend.until = h743.clock.now() + 5_000_000
            session.erase_page(WEDGED + self.SECTOR, self.SECTOR)
            assert h743.clock.now() >= backend.until
            backend.until = h743.clock.now() + 60_000_000
            with pytest.raises(
                StillBusyError, match=r"^erasing the page at 0x08140000: .*after 8 s.*not blank"
            ):
                session.erase_page(WEDGED + 2 * self.SECTOR, self.SECTOR)

    def test_where_the_page_cannot_be_read(self, h743: Bench) -> None:
        h743.backend = Unreadable(h743.port)
        with h743.session() as session, pytest.raises(StillBusyError, match=r"may be erased.*--no-erase"):
            session.erase_page(WEDGED, self.SECTOR)


class NotYetBlank(Backend):
    """Reads zeros until some time."""

    until = 0

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.port)
        self._clock = bench.clock

    def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
        count = super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)
        if bmRequestType == 0xA1 and bRequest == Request.UPLOAD and self._clock.now() < self.until:
            rest[2][:count] = array("B", bytes(count))
        return count


class Unreadable(Backend):
    """Stalls every DFU_UPLOAD."""

    def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
        if bmRequestType == 0xA1 and bRequest == Request.UPLOAD:
            raise usb.core.USBError("Pipe error", errno=32)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)


class Stalling(Backend):
    """Stalls ``stalls`` of the DFU_GETSTATUS after each DFU_DNLOAD, and all until some time has passed."""

    def __init__(self, bench: Bench, stalls: int) -> None:
        super().__init__(bench.port)
        self._clock = bench.clock
        self._stalls = stalls
        self._left = 0
        self._until = 0

    def ctrl_transfer(self, dev_handle: Any, bmRequestType: int, bRequest: int, *rest: Any) -> int:
        if bmRequestType == 0x21 and bRequest == Request.DNLOAD:
            self._left = self._stalls
        if bmRequestType == 0xA1 and bRequest == Request.GETSTATUS:
            now = self._clock.now()
            if self._left and now >= self._until:
                self._left -= 1
                self._until = now + 10_000
            if now < self._until:
                raise usb.core.USBError("Pipe error", errno=32)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, *rest)


class Slow(Backend):
    """Lets the host's patience run out ten times as fast."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.port)

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        data, timeout = rest
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, data, timeout // 10)
