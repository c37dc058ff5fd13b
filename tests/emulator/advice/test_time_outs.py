"""A host's time-outs and pauses, judged by when it sends a request and not by when a busy chip takes it."""

from collections.abc import Callable
from typing import Any

import pytest
import usb.core

from dfu_emulator.advice import Adviser
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import BusyModel, HeldAt
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Requests, Scenario, States, When
from dfu_emulator.transports.inprocess import Backend
from dfu_protocol import Request, State, StatusReply
from emulator.host import Host, Plug, variant

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT = range(1, 7)
SECTOR_ERASE, MASS_ERASE = b"\x41\x00\x00\x00\x08", b"\x41"
TOO_SHORT, LONG = 100, 60_000
"""Milliseconds: no erase of an STM32F405 takes less than 400."""


class Program:
    """A PyUSB program, with an adviser that watches it."""

    def __init__(self, host: Host) -> None:
        self.clock, self.port = host.clock, host.port
        self.device: Any = usb.core.find(backend=Backend(host.port))
        self.adviser = Adviser(host.port)

    def send(self, request: int, data: bytes | None = None) -> None:
        self.device.ctrl_transfer(0x21, request, 0, 0, data, LONG)

    def ask(self, request: int = GETSTATUS, length: int = 6, timeout: int = LONG) -> bytes:
        return bytes(self.device.ctrl_transfer(0xA1, request, 0, 0, length, timeout))

    def poll(self) -> State:
        """GETSTATUS, and the pause that it asks for."""
        status = StatusReply.parse(self.ask())
        self.clock.sleep(status.bwPollTimeout * 1000)
        return status.bState

    def stalls(self, request: int, data: bytes | None = None) -> None:
        with pytest.raises(usb.core.USBError, match="Pipe"):
            self.send(request, data)

    def times_out(self) -> None:
        with pytest.raises(usb.core.USBTimeoutError):
            self.ask(timeout=TOO_SHORT)

    def to_idle(self) -> None:
        for _ in range(3):
            self.send(CLRSTATUS)
            if self.poll() is State.DFU_IDLE:
                return
        raise AssertionError("never idle")

    def kinds_if_done_now(self) -> list[str]:
        return list(self.adviser.if_done_now())


def clear(program: Program) -> None:
    program.to_idle()


def download(program: Program) -> None:
    program.stalls(DNLOAD, SECTOR_ERASE)


def abort(program: Program) -> None:
    program.stalls(ABORT)


def look_and_abort(program: Program) -> None:
    assert program.ask(GETSTATE, 1) == bytes((State.DNBUSY,))
    program.stalls(ABORT)


def reset(program: Program) -> None:
    program.device.reset()


def vanish(_program: Program) -> None:
    pass


def start_and_time_out(program: Program, job: bytes, held_at: HeldAt) -> None:
    program.send(DNLOAD, job)
    if held_at is HeldAt.NEXT:
        assert program.poll() is State.DNBUSY
    program.times_out()


@pytest.fixture(params=HeldAt)
def held_at(request: pytest.FixtureRequest) -> HeldAt:
    return HeldAt(request.param)


@pytest.fixture
def program(plug: Plug, f405: Profile, held_at: HeldAt) -> Program:
    profile = variant(f405, "bootloader", busy=BusyModel.BLOCK, held_at=held_at)
    return Program(plug(profile, timing="real").idle())


@pytest.mark.parametrize("go_on", [clear, download, abort, look_and_abort, reset, vanish])
@pytest.mark.parametrize("job", [SECTOR_ERASE, MASS_ERASE], ids=["sector", "mass"])
def test_a_time_out_that_is_too_short(
    program: Program, held_at: HeldAt, job: bytes, go_on: Callable[[Program], None]
) -> None:
    with program.adviser as adviser:
        start_and_time_out(program, job, held_at)
        assert program.kinds_if_done_now() == ["impatient-erase"]
        go_on(program)
        assert program.kinds_if_done_now() == ["impatient-erase"]
    assert list(adviser.findings) == ["impatient-erase"]


def test_asking_again_until_it_is_told(program: Program, held_at: HeldAt) -> None:
    with program.adviser as adviser:
        start_and_time_out(program, MASS_ERASE, held_at)
        program.times_out()
        while program.poll() is State.DNBUSY:
            pass
        program.send(ABORT)
    assert adviser.findings == {}


@pytest.mark.parametrize("busy", [BusyModel.POLL, BusyModel.STALL, BusyModel.BLOCK])
def test_a_poll_at_once(plug: Plug, f405: Profile, busy: BusyModel) -> None:
    """Whatever the chip does about it."""
    program = Program(plug(variant(f405, "bootloader", busy=busy), timing="real").idle())
    with program.adviser as adviser:
        program.send(DNLOAD, SECTOR_ERASE)
        program.ask()
        try:
            program.ask()
        except usb.core.USBError:
            assert busy is BusyModel.STALL
        program.clock.sleep(1_000_000)
        program.ask()
    assert list(adviser.findings) == ["early-poll"]
    title = adviser.findings["early-poll"].first.title
    assert title == "GETSTATUS came 100 ms before the 100 ms of bwPollTimeout were up"


def test_polls_that_are_never_told_an_end(plug: Plug) -> None:
    """An STM32H743 is only brought out of it by CLRSTATUS, twice; a host cannot know before it has asked."""
    beyond = b"\x41" + 0x08100000.to_bytes(4, "little")
    program = Program(plug(load("stm32h743"), timing="real").idle())
    with program.adviser as adviser:
        program.send(DNLOAD, beyond)
        for _ in range(4):
            assert program.poll() is State.DNBUSY
        program.to_idle()
    assert adviser.findings == {}


class TestADelayOfAScenarios:
    """The host may give up what takes too long by no fault of its own."""

    def program(self, plug: Plug, request: Request, state: State) -> Program:
        when = When(request=Requests.of(request), state=States([state]))
        delayed = Fault(do=Do.DELAY, when=when, time=Duration(2_000_000))
        return Program(plug(scenario=Scenario(faults=(delayed,))).idle())

    def test_of_getstatus(self, plug: Plug) -> None:
        program = self.program(plug, Request.GETSTATUS, State.DNLOAD_SYNC)
        with program.adviser as adviser:
            start_and_time_out(program, SECTOR_ERASE, HeldAt.START)
            abort(program)
        assert adviser.findings == {}

    def test_of_dnload(self, plug: Plug) -> None:
        program = self.program(plug, Request.DNLOAD, State.DFU_IDLE)
        with program.adviser as adviser:
            with pytest.raises(usb.core.USBTimeoutError):
                program.device.ctrl_transfer(0x21, DNLOAD, 0, 0, SECTOR_ERASE, TOO_SHORT)
            program.send(ABORT)
        assert adviser.findings == {}
