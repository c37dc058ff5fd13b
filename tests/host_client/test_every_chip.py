"""Every shipped profile, as the project's own host uses it: all of its flash, and its other memories.

With real times, on a clock that the host's waiting moves: stalls and held answers are the chip's.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import Profile, available, load
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.inprocess import Backend
from dfu_host import (
    DeviceResetError,
    DfuDevice,
    Plan,
    RefusedError,
    Session,
    erase,
    pick,
    plan_erase,
    plan_write,
    program,
)
from dfu_host.plan import DEFAULT_ALIGN
from dfu_protocol import Access, Status
from dfu_protocol.firmware_file import Element

PATTERN = bytes(range(1, 65))


class Board:
    """One chip and the host's clock."""

    def __init__(self, profile: Profile, port: Port, clock: ManualClock) -> None:
        self.profile = profile
        self.port = port
        self._clock = clock

    @contextmanager
    def session(self) -> Iterator[tuple[DfuDevice, Session]]:
        """The chip as the host finds it, which has to wait if it is away."""
        if not self.port.attached:
            assert self.port.returns_at is not None
            self._clock.sleep(self.port.returns_at - self._clock.now())
        self.port.configure()
        device = pick(backend=Backend(self.port))
        with device.open() as link:
            yield device, Session(link, device.transfer_size(), sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._clock.sleep(round(seconds * 1_000_000))


@pytest.fixture(params=available())
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """A chip of each profile."""
    profile, clock = load(request.param), ManualClock()
    with emulated(profile, clock=clock, timing="real") as port:
        yield Board(profile, port, clock)


def read(session: Session, address: int, length: int) -> bytes:
    return b"".join(session.read(address, length))


def plan_of_flash(device: DfuDevice, board: Board, image: bytes) -> Plan:
    layout = device.alternates[0].layout
    assert layout
    return plan_write(0, layout, [Element(board.profile.memory.flash.start, image)], DEFAULT_ALIGN)


def test_the_whole_flash(board: Board) -> None:
    flash = board.profile.memory.flash
    image = random.Random(board.profile.name).randbytes(flash.size)
    erased = bytes([flash.erased])
    with board.session() as (device, session):
        plan = plan_of_flash(device, board, image)
        assert program(session, [plan]).verified
        assert read(session, flash.start, flash.size) == image

        before, middle, after = plan.pages[len(plan.pages) // 2 - 1 :][:3]
        layout = device.alternates[0].layout
        assert layout
        assert plan_erase(layout, middle[0], 1) == (middle,)
        erase(session, [middle])
        assert read(session, before[0], after[0] + after[1] - before[0]) == (
            image[before[0] - flash.start : middle[0] - flash.start]
            + erased * middle[1]
            + image[after[0] - flash.start : after[0] + after[1] - flash.start]
        )

        session.mass_erase()
        assert read(session, flash.start, flash.size) == erased * flash.size


def test_what_each_alternate_says_can_be_read(board: Board) -> None:
    with board.session() as (device, session):
        for alternate in device.alternates:
            session.select(alternate.number)
            assert alternate.layout
            for segment in alternate.layout.segments:
                assert segment.access & Access.READABLE
                assert len(read(session, segment.address, segment.end - segment.address)) == (
                    segment.end - segment.address
                )


def test_option_bytes_are_written_back_as_they_are(board: Board) -> None:
    for area in board.profile.memory.option_bytes.areas:
        with board.session() as (_, session):
            before = read(session, area.start, area.size)
            assert before == area.factory
            with pytest.raises(DeviceResetError):
                session.write(area.start, before)
        with board.session() as (_, session):
            assert read(session, area.start, area.size) == before
            assert read(session, board.profile.memory.flash.start, 16)  # which level 1 forbids


OTP = [name for name in available() if load(name).memory.otp]


@pytest.mark.parametrize("board", OTP, indirect=True)
def test_otp_is_written_once(board: Board) -> None:
    otp = board.profile.memory.otp
    assert otp
    with board.session() as (_, session):
        session.write(otp.start + 32, PATTERN[:32])
        assert read(session, otp.start, 96) == b"\xff" * 32 + PATTERN[:32] + b"\xff" * 32
        if otp.write_once:
            with pytest.raises(RefusedError) as caught:
                session.write(otp.start + 32, bytes(32))
            assert caught.value.status is Status.PROG
        else:
            session.write(otp.start + 32, b"\xfe" * 32)
            assert read(session, otp.start + 32, 32) == bytes(byte & 0xFE for byte in PATTERN[:32])


@pytest.mark.parametrize("board", [n for n in available() if load(n).memory.eeprom], indirect=True)
def test_eeprom_is_written_again_and_again(board: Board) -> None:
    eeprom = board.profile.memory.eeprom
    assert eeprom
    with board.session() as (_, session):
        for data in (PATTERN, PATTERN[::-1]):
            session.write(eeprom.start + eeprom.size - 64, data)
            assert read(session, eeprom.start + eeprom.size - 128, 128) == bytes(64) + data


@pytest.mark.parametrize("board", [n for n in available() if load(n).memory.device_feature], indirect=True)
def test_device_feature_selects_a_voltage_range(board: Board) -> None:
    feature = board.profile.memory.device_feature
    assert feature
    with board.session() as (_, session):
        session.write(feature.start, bytes.fromhex("03ffffff"))
        assert read(session, feature.start, 4) == bytes.fromhex("03ffffff")
        with pytest.raises(RefusedError) as caught:
            session.write(feature.start, bytes.fromhex("05ffffff"))
        assert caught.value.status is Status.TARGET


def test_ram_that_the_rom_leaves_can_be_used(board: Board) -> None:
    with board.session() as (_, session):
        for start, end in board.profile.memory.ram:
            session.write(end - 64, PATTERN)
            assert read(session, end - 64, 64) == PATTERN
            assert read(session, start, 64) == bytes(64)


def test_system_memory_can_be_read(board: Board) -> None:
    system = board.profile.memory.system
    with board.session() as (_, session):
        for start, end in system.areas:
            assert len(read(session, start, end - start)) == end - start
        if system.bootloader_id is not None and system.bootloader_id_address is not None:
            assert read(session, system.bootloader_id_address, 1)[0] == system.bootloader_id & 0xFF
