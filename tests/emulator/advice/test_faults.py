"""A host is not told off for what a scenario does to it."""

from collections.abc import Callable

import pytest

from dfu_emulator.advice import Adviser
from dfu_emulator.scenario import Do, Fault, Moment, Requests, Scenario, Start, States, When, Worn
from dfu_emulator.scenario.scalars import StateName
from dfu_protocol import Request, State
from emulator.host import FLASH, Host, Plug

ERASE = b"\x41" + FLASH.to_bytes(4, "little")


def fault(do: Do, request: Request, state: State, moment: Moment | None = None) -> Scenario:
    when = When(request=Requests.of(request), state=States([state]))
    return Scenario(faults=(Fault(do=do, when=when, moment=moment),))


def erase_and_give_up(host: Host) -> None:
    """Whatever is answered."""
    host.dfu(Request.DNLOAD, data=ERASE)
    host.dfu(Request.GETSTATUS, length=6)
    host.get_state()
    host.dfu(Request.ABORT)


def erase_and_vanish(host: Host) -> None:
    host.dfu(Request.DNLOAD, data=ERASE)
    host.dfu(Request.GETSTATUS, length=6)


GIVING_UP = pytest.mark.parametrize("give_up", [erase_and_give_up, erase_and_vanish])


def kinds(host: Host, conversation: Callable[[Host], object]) -> list[str]:
    with Adviser(host.port) as adviser:
        conversation(host)
    return list(adviser.findings)


@GIVING_UP
@pytest.mark.parametrize(
    "scenario",
    [
        fault(Do.STALL, Request.GETSTATUS, State.DNLOAD_SYNC),
        fault(Do.TIMEOUT, Request.GETSTATUS, State.DNLOAD_SYNC),
        fault(Do.TIMEOUT, Request.GETSTATUS, State.DNLOAD_SYNC, Moment.DURING),
    ],
    ids=["stalled", "lost", "not answered"],
)
def test_a_getstatus_that_was_sent(plug: Plug, scenario: Scenario, give_up: Callable[[Host], None]) -> None:
    assert kinds(plug(scenario=scenario).idle(), give_up) == []


@GIVING_UP
def test_but_one_that_is_answered_is_to_be_followed_up(plug: Plug, give_up: Callable[[Host], None]) -> None:
    assert kinds(plug(timing="real").idle(), give_up) != []


def test_a_download_whose_acknowledgement_is_lost(plug: Plug) -> None:
    scenario = fault(Do.TIMEOUT, Request.DNLOAD, State.DFU_IDLE, Moment.DURING)

    def conversation(host: Host) -> None:
        host.dfu(Request.DNLOAD, data=ERASE)
        host.abort()

    assert kinds(plug(scenario=scenario).idle(), conversation) == []
    assert kinds(plug().idle(), conversation) == ["missing-getstatus"]


def test_what_an_earlier_host_has_left_behind(plug: Plug) -> None:
    scenario = Scenario(start=Start(state=StateName(State.MANIFEST_SYNC)))

    def conversation(host: Host) -> None:
        host.get_state()
        host.abort()

    assert kinds(plug(scenario=scenario), conversation) == []


def test_worn_cells(plug: Plug) -> None:
    scenario = Scenario(start=Start(worn=Worn(sectors=(0,), bits=200)))

    def erase_and_write(host: Host) -> None:
        host.erase(FLASH)
        host.write(FLASH, b"\xff" * 2048)

    def only_write(host: Host) -> None:
        host.port.device.bootloader.chip.flash.disturb(FLASH, bytes(16))
        host.write(FLASH, b"\xff" * 2048)

    assert kinds(plug(scenario=scenario).idle(), erase_and_write) == []
    assert kinds(plug(scenario=scenario).idle(), only_write) == ["not-erased"]
