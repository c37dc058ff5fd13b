"""Hosts that do everything right get no advice: the project's own, on every chip, with real times."""

import pytest

from dfu_emulator.advice import Adviser
from dfu_emulator.emulation import emulated
from dfu_emulator.profile import Profile, available, load
from dfu_emulator.scenario import shipped_scenarios
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.inprocess import Backend
from dfu_host import Device, EraseMode, HostError, Session, pick, plan_write, program
from dfu_host.plan import DEFAULT_ALIGN
from dfu_protocol.firmware_file import Element


def application(profile: Profile) -> bytes:
    """A vector table, and more than two blocks behind it."""
    _, stack = profile.memory.stacks[0]
    reset_vector = profile.memory.flash.start + 0x101
    return stack.to_bytes(4, "little") + reset_vector.to_bytes(4, "little") + bytes(range(1, 255)) * 20


@pytest.mark.parametrize("name", available())
def test_dfu_host(name: str) -> None:
    profile, clock = load(name), ManualClock()
    start, firmware = profile.memory.flash.start, application(profile)
    with emulated(profile, clock=clock, timing="real") as port, Adviser(port) as adviser:
        device = pick(backend=Backend(port))
        layout = device.alternates[0].layout
        assert layout
        with device.open() as link:
            session = Session(
                link, device.transfer_size(), sleep=lambda seconds: clock.sleep(round(seconds * 1_000_000))
            )
            plan = plan_write(0, layout, [Element(start, firmware)], DEFAULT_ALIGN)
            assert program(session, [plan])
            session.mass_erase()
            assert program(session, [plan], mode=EraseMode.NONE)
            session.leave(start)
        assert not port.attached
    assert adviser.findings == {}
    assert adviser.requests > 20


@pytest.mark.parametrize("timing", ["fast", "real"])
@pytest.mark.parametrize("name", shipped_scenarios())
def test_what_a_scenario_does_is_not_held_against_dfu_host(name: str, timing: str) -> None:
    """Whether it gets through or not. Who writes to a protected chip is told so, rightly."""
    clock = ManualClock()
    with (
        emulated("stm32f405", clock=clock, scenario=name, timing=timing) as port,
        Adviser(port) as adviser,
    ):
        try:
            found = pick(backend=Backend(port))
            with Device(found, sleep=lambda seconds: clock.sleep(round(seconds * 1_000_000))) as device:
                device.write(port.device.profile.memory.flash.start, application(port.device.profile))
        except HostError:
            pass  # as some of them do to every host
    assert set(adviser.findings) <= {"read-protected", "write-protected"}
