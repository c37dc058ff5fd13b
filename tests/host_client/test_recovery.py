"""Trouble that passes is survived, and never by doing twice what may be done once only."""

import errno
from typing import Any

import pytest
import usb.core

from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import Overwrite
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import (
    ALWAYS,
    Do,
    Fault,
    Jobs,
    Moment,
    Numbers,
    Requests,
    Scenario,
    States,
    Times,
    When,
)
from dfu_emulator.scenario.scalars import StatusName
from dfu_emulator.timing import WorkKind
from dfu_emulator.transports.inprocess import Backend
from dfu_host import DeviceGoneError, DeviceTimeoutError, HostError, RefusedError, VerifyError
from dfu_host.bus import pick
from dfu_host.device import Device
from dfu_protocol import Erase, Request, SetAddress, State, Status
from emulator.host import variant
from host_client.bench import FLASH, OPTION_BYTES, Bench, MakeBench

DATA = bytes((i * 7 + i // 256) & 0xFF for i in range(9000))
BLOCKS = -(-len(DATA) // 2048)
DATA_BLOCKS = Numbers((2, 0xFFFF))


def opened(there: Bench) -> Device:
    return Device(pick(backend=there.backend), sleep=there.sleep)


def blocks_written(there: Bench) -> list[int]:
    """wBlockNum of each block of data that has reached the chip's bootloader."""
    return [t.setup.wValue for t in there.requests(Request.DNLOAD) if t.setup.wValue >= 2]


def fault(do: Do, request: Request, *, nth: int = 1, times: int = 1, **fields: Any) -> Scenario:
    """One that hits this request; of DNLOAD, the blocks of data."""
    blocks = DATA_BLOCKS if request is Request.DNLOAD else None
    when = When(request=Requests.of(request), block=blocks, nth=nth, times=Times(times))
    return Scenario(faults=(Fault(do=do, when=when, **fields),))


@pytest.fixture
def ecc(f405: Profile) -> Profile:
    """A chip whose flash refuses to be programmed twice."""
    return variant(f405, "memory.flash", overwrite=Overwrite.PROG)


PASSING = {
    "an UPLOAD stalls twice": fault(Do.STALL, Request.UPLOAD, nth=3, times=2),
    "an UPLOAD is not answered": fault(Do.TIMEOUT, Request.UPLOAD, nth=3, moment=Moment.DURING),
    "an UPLOAD is short": fault(Do.SHORT, Request.UPLOAD, nth=3, bytes=100),
    "an UPLOAD is wrong": fault(Do.CORRUPT, Request.UPLOAD, nth=11, bits=3),
    "a DNLOAD stalls": fault(Do.STALL, Request.DNLOAD, nth=3),
    "a DNLOAD never arrives": fault(Do.TIMEOUT, Request.DNLOAD, nth=3, moment=Moment.BEFORE),
    "a DNLOAD arrives, its answer does not": fault(Do.TIMEOUT, Request.DNLOAD, nth=3, moment=Moment.DURING),
    "a DNLOAD fails": fault(Do.ERROR, Request.DNLOAD, nth=3, status=StatusName(Status.VERIFY)),
    "GETSTATUS stalls": fault(Do.STALL, Request.GETSTATUS, nth=7, times=3),
    "GETSTATUS stalls too often": fault(Do.STALL, Request.GETSTATUS, nth=7, times=4),
    "GETSTATUS is not answered": fault(Do.TIMEOUT, Request.GETSTATUS, nth=7, moment=Moment.DURING),
    "GETSTATUS is answered late": fault(Do.DELAY, Request.GETSTATUS, nth=7, time=Duration(9_000_000)),
    "GETSTATUS is garbled": fault(Do.SHORT, Request.GETSTATUS, nth=7, bytes=2),
    "GETSTATUS tells of an error": fault(Do.ERROR, Request.GETSTATUS, nth=8, status=StatusName(Status.PROG)),
    "GETSTATUS asks to wait for hours": fault(
        Do.POLL_TIMEOUT, Request.GETSTATUS, nth=7, bwPollTimeout=0xFFFFFF
    ),
    "ABORT stalls": fault(Do.STALL, Request.ABORT, times=2),
    "GETSTATE stalls": fault(Do.STALL, Request.GETSTATE, times=4),
    "GETSTATE is not answered": fault(Do.TIMEOUT, Request.GETSTATE, moment=Moment.BEFORE),
    "CLRSTATUS stalls": fault(Do.STALL, Request.CLRSTATUS),
}


@pytest.mark.parametrize("scenario", PASSING.values(), ids=PASSING)
def test_it_passes(make_bench: MakeBench, ecc: Profile, scenario: Scenario) -> None:
    there = make_bench(ecc, scenario=scenario)
    device = opened(there)
    assert device.write(FLASH, DATA).verified
    assert there.flash[: len(DATA)] == DATA
    assert device.read(FLASH, len(DATA)) == DATA
    device.close()
    assert there.state is State.DFU_IDLE
    assert there.clock.now() < 120_000_000


def test_a_block_that_is_there_is_not_written_twice(make_bench: MakeBench, ecc: Profile) -> None:
    """The answer to the GETSTATUS that ends its job is lost."""
    there = make_bench(ecc, scenario=fault(Do.TIMEOUT, Request.GETSTATUS, nth=8, moment=Moment.DURING))
    opened(there).write(FLASH, DATA)
    assert len(blocks_written(there)) == BLOCKS
    assert there.flash[: len(DATA)] == DATA


def test_a_block_that_is_not_there_is_written_again(make_bench: MakeBench, ecc: Profile) -> None:
    there = make_bench(ecc, scenario=fault(Do.TIMEOUT, Request.DNLOAD, nth=2, moment=Moment.DURING))
    opened(there).write(FLASH, DATA)
    assert len(blocks_written(there)) == BLOCKS + 1
    assert there.flash[: len(DATA)] == DATA


def test_what_lasts_is_told_as_it_was_at_first(make_bench: MakeBench, f405: Profile) -> None:
    there = make_bench(f405, scenario=fault(Do.STALL, Request.UPLOAD, times=ALWAYS))
    with pytest.raises(RefusedError, match="DFU_UPLOAD stalled while reading 2048 bytes at 0x08000000"):
        opened(there).read(FLASH, 4096)
    assert len(there.requests(Request.UPLOAD)) == 3


def test_what_no_second_try_can_change_is_tried_once(make_bench: MakeBench) -> None:
    there = make_bench(rdp=1)
    with pytest.raises(RefusedError, match="read protected"):
        opened(there).read(FLASH, 64)
    assert len(there.commands(SetAddress)) == 1


@pytest.mark.parametrize("kind", [WorkKind.SET_ADDRESS, WorkKind.ERASE, WorkKind.WRITE])
def test_a_job_that_a_bus_reset_has_ended_is_done_again(
    make_bench: MakeBench, ecc: Profile, kind: WorkKind
) -> None:
    """The chip is in dfuIDLE then, and says OK."""
    when = When(request=Requests.of(Request.GETSTATUS), state=States([State.DNLOAD_SYNC]), job=Jobs({kind}))
    there = make_bench(ecc, scenario=Scenario(faults=(Fault(do=Do.BUS_RESET, when=when),)))
    assert opened(there).write(FLASH, DATA, verify=False).written == len(DATA)
    assert there.flash == DATA.ljust(len(there.flash), b"\xff")


def test_a_read_after_a_bus_reset_is_of_the_right_place(make_bench: MakeBench, ecc: Profile) -> None:
    when = When(
        request=Requests.of(Request.GETSTATUS),
        state=States([State.DNLOAD_SYNC]),
        job=Jobs({WorkKind.SET_ADDRESS}),
        nth=2,
    )
    there = make_bench(ecc, scenario=Scenario(faults=(Fault(do=Do.BUS_RESET, when=when),)))
    there.port.device.bootloader.chip.flash.write(FLASH, DATA)
    device = opened(there)
    assert device.read(FLASH + 0x100, 64) == DATA[0x100:0x140]
    assert device.read(FLASH + 0x300, 64) == DATA[0x300:0x340]


def test_a_half_written_block_is_not_written_over(make_bench: MakeBench, ecc: Profile) -> None:
    """The chip has programmed part of a block when it fails: only an erase helps now."""
    there = make_bench(ecc)
    with there.session() as session:
        session.write(FLASH + 1024, b"in the way..")
        with pytest.raises(RefusedError, match=r"writing 2048 bytes at 0x08000000 failed: .*errPROG"):
            session.write(FLASH, DATA)
    assert blocks_written(there) == [2, 2]
    assert there.flash[:1024] == DATA[:1024]


def test_data_that_is_changed_on_its_way_is_found(make_bench: MakeBench, f405: Profile) -> None:
    there = make_bench(f405, scenario=fault(Do.CORRUPT, Request.DNLOAD, nth=2, bits=1), seed=1)
    with pytest.raises(VerifyError):
        opened(there).write(FLASH, DATA)


def test_an_erase_is_simply_repeated(make_bench: MakeBench, f405: Profile) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs({WorkKind.ERASE}), nth=2)
    lost = Scenario(faults=(Fault(do=Do.TIMEOUT, when=when, moment=Moment.BEFORE),))
    there = make_bench(f405, scenario=lost)
    assert opened(there).write(FLASH, DATA).verified
    assert there.commands(Erase) == [Erase(FLASH), Erase(FLASH)]


class Noisy(Backend):
    """A bad cable: the n-th control transfer and some after it are lost, with or without having been made."""

    countdown, lost, arrive = -1, 1, False

    def ctrl_transfer(self, *arguments: Any) -> int:
        self.countdown -= 1
        hit = 0 <= -self.countdown < self.lost
        count = super().ctrl_transfer(*arguments) if self.arrive or not hit else 0
        if hit:
            raise usb.core.USBError("Input/Output Error", errno=errno.EIO)
        return count


@pytest.mark.parametrize("arrive", [True, False])
def test_a_bad_cable(make_bench: MakeBench, ecc: Profile, arrive: bool) -> None:
    for nth in range(1, 60):
        there = make_bench(ecc)
        there.backend = backend = Noisy(there.port)
        device = opened(there)
        backend.countdown, backend.arrive = nth, arrive
        assert device.write(FLASH, DATA, preserve=False).verified
        assert there.flash[: len(DATA)] == DATA


def test_a_cable_that_is_out(make_bench: MakeBench) -> None:
    there = make_bench()
    there.backend = backend = Noisy(there.port)
    device = opened(there)
    backend.countdown, backend.lost = 20, 1_000_000
    with pytest.raises(DeviceGoneError, match="has left the bus"):
        device.write(FLASH, DATA)


def test_option_bytes_whose_reset_looks_like_noise(make_bench: MakeBench) -> None:
    there = make_bench()
    device = opened(there)
    now = device.read(OPTION_BYTES, 16)
    there.backend = backend = Noisy(there.port)
    device = opened(there)
    backend.countdown, backend.lost, backend.arrive = 8, 1_000_000, True
    assert not device.write(OPTION_BYTES, now, will_reset=True).there


@pytest.mark.parametrize("arrive", [True, False])
@pytest.mark.parametrize("lost", [1, 4])
class TestWhatResetsBehindABadCable:
    """A lost answer looks like a device that has reset: it counts only where the device does not answer."""

    def test_option_bytes(self, make_bench: MakeBench, arrive: bool, lost: int) -> None:
        wanted = bytes.fromhex("ffaa ffff ffff ffff fdff ffff ffff ffff")
        for nth in range(1, 20):
            there = make_bench()
            there.backend = backend = Noisy(there.port)
            device = opened(there)
            backend.countdown, backend.arrive, backend.lost = nth, arrive, lost
            try:
                outcome = device.write(OPTION_BYTES, wanted, will_reset=True, preserve=False)
            except HostError:
                continue
            assert outcome.verified or there.departures
            assert there.port.device.bootloader.chip.option_bytes.areas[0].cells == wanted

    def test_unprotect(self, make_bench: MakeBench, arrive: bool, lost: int) -> None:
        for nth in range(1, 12):
            there = make_bench(rdp=1)
            there.backend = backend = Noisy(there.port)
            device = opened(there)
            backend.countdown, backend.arrive, backend.lost = nth, arrive, lost
            try:
                device.unprotect()
            except HostError:
                continue
            assert there.departures


class Usbfs(Backend):
    """Linux, which takes no more than a page in one control transfer."""

    def ctrl_transfer(self, *arguments: Any) -> int:
        if len(arguments[5]) > 4096:
            raise usb.core.USBError("Invalid parameter", errno=errno.EINVAL)
        return super().ctrl_transfer(*arguments)


class TestRoms:
    """What is known of ROMs and operating systems, each as one meets it."""

    @pytest.mark.parametrize("transfer_size", [4096, 8192, 10_000])
    def test_blocks_that_linux_does_not_take(
        self, make_bench: MakeBench, f405: Profile, transfer_size: int
    ) -> None:
        there = make_bench(variant(f405, "dfu", wTransferSize=transfer_size))
        there.backend = Usbfs(there.port)
        device = opened(there)
        assert device.write(FLASH, DATA * 3).verified
        assert device.read(FLASH, len(DATA) * 3) == DATA * 3

    @pytest.mark.parametrize(
        "chip",
        [
            "stm32f072",  # stalls a GETSTATUS that comes early
            "stm32l432",  # the same
            "stm32c562",  # stalls CLRSTATUS outside dfuERROR
            "stm32g431",  # has a wTransferSize of 1024
            "stm32f767",  # holds GETSTATUS back until a job is done
            "stm32h743",  # never says that a sector of its second mebibyte is erased
        ],
    )
    def test_a_write_with_real_times(self, make_bench: MakeBench, chip: str) -> None:
        there = make_bench(load(chip), timing="real")
        device = opened(there)
        size = there.port.device.profile.memory.flash.size
        for address in (FLASH, FLASH + size - 0x4000):
            for data in (DATA, DATA[::-1]):
                assert device.write(address, data).verified
                assert device.read(address, len(data)) == data

    def test_a_mass_erase_that_says_100_ms(self, make_bench: MakeBench) -> None:
        there = make_bench(timing="real")
        device = opened(there)
        device.write(FLASH, DATA)
        before = there.clock.now()
        device.mass_erase()
        assert there.clock.now() - before > 5_000_000
        assert set(there.flash) == {0xFF}

    def test_a_chip_that_stops_answering(self, make_bench: MakeBench, f405: Profile) -> None:
        silent = fault(Do.TIMEOUT, Request.GETSTATUS, nth=3, times=ALWAYS, moment=Moment.BEFORE)
        there = make_bench(f405, scenario=silent)
        with pytest.raises(DeviceTimeoutError) as caught:
            opened(there).write(FLASH, DATA)
        assert str(caught.value).startswith("erasing the page at 0x08000000: DFU_GETSTATUS: no answer")
        assert str(caught.value.remains) == "on the chip now: 0x08000000..0x08003fff may be half erased"
        assert there.clock.now() < 600_000_000

    def test_every_error_is_one_with_a_message(self, make_bench: MakeBench, f405: Profile) -> None:
        for status in Status:
            if status is Status.OK:
                continue
            failing = fault(Do.ERROR, Request.UPLOAD, times=ALWAYS, status=StatusName(status))
            with pytest.raises(HostError, match=status.label):
                opened(make_bench(f405, scenario=failing)).read(FLASH, 64)
