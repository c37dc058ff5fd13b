"""Which requests a fault hits."""

from collections.abc import Callable
from typing import Any

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.scalars import HexBytes
from dfu_emulator.scenario import ALWAYS, Do, Fault, Jobs, Numbers, Requests, Scenario, States, Times, When
from dfu_emulator.scenario.scalars import Probability
from dfu_emulator.timing import WorkKind
from dfu_protocol import Request, SetupPacket, State
from dfu_protocol.control import STANDARD
from emulator.host import FLASH, RAM, Host, Plug, Stalled, variant

DNLOAD, UPLOAD, GETSTATUS = (
    Requests.of(request) for request in (Request.DNLOAD, Request.UPLOAD, Request.GETSTATUS)
)


def stalls(host: Host, *actions: Callable[[Host], object]) -> list[bool]:
    """Which of ``actions`` end in a stall."""
    found = []
    for action in actions:
        try:
            action(host)
            found.append(False)
        except Stalled:
            found.append(True)
    return found


def upload(host: Host) -> None:
    host.upload(2, 16)


def upload_3(host: Host) -> None:
    host.upload(3, 16)


def status(host: Host) -> None:
    host.get_status()


def to_idle(host: Host) -> None:
    host.idle()


def begin_erase(address: int) -> Callable[[Host], None]:
    return lambda host: host.dnload(0, b"\x41" + address.to_bytes(4, "little"))


def begin_write(host: Host) -> None:
    host.dnload(3, bytes(16))


def point_at_ram(host: Host) -> None:
    host.set_address(RAM)


@pytest.mark.parametrize(
    ("when", "actions", "hit"),
    [
        (When(request=UPLOAD), [status, upload, upload], [0, 1, 0]),
        (When(request=UPLOAD, nth=2), [upload, upload, upload], [0, 1, 0]),
        (When(request=UPLOAD, nth=2, times=Times(2)), [upload] * 4, [0, 1, 1, 0]),
        (When(request=UPLOAD, times=ALWAYS), [upload] * 4, [1, 1, 1, 1]),
        (When(request=UPLOAD, block=Numbers((3, 9))), [upload, upload_3, upload_3], [0, 1, 0]),
        (When(request=UPLOAD, address=Numbers((FLASH + 2048, FLASH + 4095))), [upload, upload_3], [0, 1]),
        (When(request=UPLOAD, sector=Numbers((1, 1)), times=ALWAYS), [upload, upload_3], [0, 0]),
        (When(request=UPLOAD, sector=Numbers((0, 0))), [point_at_ram, to_idle, upload], [0, 0, 0]),
        (
            When(request=Requests.of(Request.UPLOAD, Request.GETSTATUS), nth=3),
            [upload, status, upload],
            [0, 0, 1],
        ),
        (When(request=GETSTATUS, state=States([State.UPLOAD_IDLE])), [status, upload, status], [0, 0, 1]),
        (
            When(request=GETSTATUS, job=Jobs([WorkKind.ERASE])),
            [status, begin_erase(FLASH), status],
            [0, 0, 1],
        ),
        (
            When(request=GETSTATUS, job=Jobs([WorkKind.WRITE])),
            [begin_erase(FLASH), status, status],
            [0, 0, 0],
        ),
        (When(request=GETSTATUS, sector=Numbers((2, 3))), [begin_erase(FLASH + 0x8000), status], [0, 1]),
        (When(request=GETSTATUS, sector=Numbers((2, 3))), [begin_erase(FLASH), status], [0, 0]),
        (
            When(request=GETSTATUS, address=Numbers((FLASH + 2048, FLASH + 2048))),
            [begin_write, status],
            [0, 1],
        ),
        (When(request=GETSTATUS, address=Numbers((FLASH, FLASH))), [status], [0]),
        (When(request=DNLOAD, address=Numbers((FLASH, FLASH + 2047))), [begin_erase(FLASH)], [0]),
    ],
)
def test_it_hits(plug: Plug, when: When, actions: list[Callable[[Host], None]], hit: list[int]) -> None:
    host = plug(scenario=Scenario(faults=(Fault(do=Do.STALL, when=when),)))
    host.clear_status()
    assert stalls(host, *actions) == [bool(number) for number in hit]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (WorkKind.SET_ADDRESS, b"\x21\x00\x00\x00\x08"),
        (WorkKind.SET_ADDRESS, b"\x00"),
        (WorkKind.ERASE, b"\x41\x00\x00\x00\x08"),
        (WorkKind.MASS_ERASE, b"\x41"),
        (WorkKind.READ_UNPROTECT, b"\x92"),
    ],
)
def test_a_job_is_known_before_it_is_begun_and_while_it_lasts(
    plug: Plug, kind: WorkKind, data: bytes
) -> None:
    for nth in (1, 2):
        when = When(request=GETSTATUS, job=Jobs([kind]), nth=nth)
        host = plug(scenario=Scenario(faults=(Fault(do=Do.STALL, when=when),))).idle()
        host.dnload(0, data)
        if nth == 2:
            assert host.get_status().bState is State.DNBUSY
            if kind is WorkKind.READ_UNPROTECT:
                return  # it ends in a reset: nobody can ask for its outcome
        with pytest.raises(Stalled):
            host.get_status()


def test_without_a_request_all_of_dfu_are_meant(plug: Plug) -> None:
    host = plug(scenario=Scenario(faults=(Fault(do=Do.STALL, when=When(times=ALWAYS)),)))
    assert host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18)).data is not None
    assert all(host.dfu(request, length=6, data=b"").data is None for request in Request)


def test_requests_of_chapter_9_are_meant_by_name(plug: Plug) -> None:
    when = When(request=Requests([(STANDARD, 6)]))
    host = plug(scenario=Scenario(faults=(Fault(do=Do.STALL, when=when),)))
    assert [host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18)).data is None for _ in range(2)] == [
        True,
        False,
    ]


def test_chance_follows_the_seed(plug: Plug) -> None:
    def pattern(**options: Any) -> list[bool]:
        when = When(request=UPLOAD, times=ALWAYS, chance=Probability(0.3))
        host = plug(scenario=Scenario(faults=(Fault(do=Do.STALL, when=when),), seed=7), **options)
        host.clear_status()
        return stalls(host, *[upload] * 200)

    first = pattern()
    assert first == pattern() == pattern(seed=7) != pattern(seed=8)
    assert 30 < sum(first) < 90


def test_a_command_that_the_chip_does_not_know_is_no_job_of_its_kind(plug: Plug, f405: Profile) -> None:
    mass_erase = When(request=GETSTATUS, job=Jobs([WorkKind.MASS_ERASE]))
    scenario = Scenario(faults=(Fault(do=Do.STALL, when=mass_erase),))
    for commands, hit in ((b"\x00\x21\x41", True), (b"\x00\x21", False)):
        profile = variant(f405, "bootloader", commands=HexBytes(commands))
        host = plug(profile, scenario=scenario).idle()
        assert stalls(host, lambda host: host.dnload(0, b"\x41"), status) == [False, hit]
