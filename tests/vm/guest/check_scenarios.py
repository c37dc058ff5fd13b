"""Faults, as a host's kernel and programs meet them over each transport."""

import errno

import pytest
import usb.core

from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Jobs, Moment, Requests, Scenario, Start, When
from dfu_emulator.scenario.scalars import StateName, StatusName
from dfu_emulator.timing import WorkKind
from dfu_protocol import Request, State, Status
from vm.guest.bus import (
    ask,
    device_number,
    send,
    status,
    to_idle,
    usb_device,
    wait_for_chip,
    wait_for_no_chip,
)
from vm.guest.conftest import PlugIn

FLASH_START = 0x08000000
ERASE = b"\x41" + FLASH_START.to_bytes(4, "little")
BACK = Duration(500_000)
SHORT = 200
"""Milliseconds that a host waits here for an answer that never comes."""


def scenario(do: Do, request: Request, **keys: object) -> Scenario:
    """The first such request is hit."""
    return Scenario(faults=(Fault(do=do, when=When(request=Requests.of(request)), **keys),))  # type: ignore[arg-type]


@pytest.mark.parametrize("request_", [Request.UPLOAD, Request.DNLOAD, Request.ABORT])
def test_a_request_is_stalled_once(plug_in: PlugIn, request_: Request) -> None:
    plug_in(scenario=scenario(Do.STALL, request_))
    device = usb_device()
    to_idle(device)

    def once() -> None:
        if request_ is Request.UPLOAD:
            ask(device, request_, 16, block=2)
        else:
            send(device, request_, 0, ERASE if request_ is Request.DNLOAD else b"")

    with pytest.raises(usb.core.USBError) as error:
        once()
    assert error.value.errno == errno.EPIPE
    assert status(device).bState is State.DFU_IDLE
    once()


def test_a_state_that_an_earlier_host_left(plug_in: PlugIn) -> None:
    """Whatever resets a kernel sends while it takes the device in."""
    plug_in(scenario=Scenario(start=Start(state=StateName(State.UPLOAD_IDLE))))
    assert status(usb_device()).bState is State.UPLOAD_IDLE


def test_an_answer_does_not_come(plug_in: PlugIn) -> None:
    plug_in(scenario=scenario(Do.TIMEOUT, Request.GETSTATE))
    device = usb_device()
    to_idle(device)
    with pytest.raises(usb.core.USBTimeoutError):
        ask(device, Request.GETSTATE, 1, timeout=SHORT)


def test_an_answer_ends_early(plug_in: PlugIn) -> None:
    plug_in(scenario=scenario(Do.SHORT, Request.UPLOAD, bytes=100))
    device = usb_device()
    to_idle(device)
    assert [len(ask(device, Request.UPLOAD, 2048, block=2)) for _ in range(2)] == [100, 2048]


def test_a_job_fails(plug_in: PlugIn) -> None:
    plug_in(scenario=scenario(Do.ERROR, Request.GETSTATUS, status=StatusName(Status.CHECK_ERASED)))
    assert status(usb_device())[:3:2] == (Status.CHECK_ERASED, State.ERROR)


@pytest.mark.parametrize("moment", Moment)
def test_the_cable_is_out(plug_in: PlugIn, moment: Moment) -> None:
    port = plug_in(scenario=scenario(Do.DISCONNECT, Request.UPLOAD, moment=moment, back_after=BACK))
    number = device_number()
    device = usb_device()
    to_idle(device)
    if moment is Moment.AFTER:
        assert ask(device, Request.UPLOAD, 16, block=2) == b"\xff" * 16
    else:
        with pytest.raises(usb.core.USBError):
            ask(device, Request.UPLOAD, 16, block=2)
    wait_for_chip(other_than=number)
    assert status(usb_device()).bState is State.DFU_IDLE
    assert port.attached


def test_power_goes_in_an_erase_for_good(plug_in: PlugIn) -> None:
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs([WorkKind.ERASE]))
    port = plug_in(scenario=Scenario(faults=(Fault(do=Do.POWER_LOSS, when=when),)))
    flash = port.device.bootloader.chip.flash
    flash.disturb(FLASH_START, bytes(0x4000))
    device = usb_device()
    to_idle(device)
    send(device, Request.DNLOAD, 0, ERASE)
    assert status(device).bState is State.DNBUSY
    wait_for_no_chip()
    assert bytes(0x4000) != bytes(flash.cells[:0x4000]) != b"\xff" * 0x4000
