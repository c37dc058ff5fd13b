"""What is noted of a chip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.advice import Adviser
from dfu_emulator.bootloader import Reason
from dfu_emulator.live import ChipModel
from dfu_emulator.live.model import Kind, Touch, Traffic
from dfu_emulator.live.rate import Rate
from dfu_emulator.port import Attached, Detached, Transfer
from dfu_emulator.profile import Profile
from dfu_protocol import Request, State, Status
from emulator.host import FLASH, OPTION_BYTES, OTP, RAM, Host, Plug

SECOND = 1_000_000


def touches(model: ChipModel) -> list[tuple[Kind, int, int]]:
    return [(kind, address, length) for _at, kind, address, length in model.snapshot().touches]


def test_what_a_chip_is(host: Host) -> None:
    found = ChipModel(host.port, "1-2").snapshot()
    assert (found.name, found.part, found.serial) == ("1-2", "STM32F405RG", "325E35633334")
    assert (found.on_bus, found.departure, found.transfers, found.last_used) == (True, None, 0, 0)
    assert (found.state, found.status, found.pointer) == (State.DFU_IDLE, Status.OK, FLASH)


def test_erases_writes_and_reads_are_touches(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.erase(FLASH + 5)
        host.write(FLASH + 8, bytes(12))
        host.read(FLASH, 3000)
    assert touches(model) == [
        (Kind.ERASE, FLASH, 0x4000),
        (Kind.WRITE, FLASH + 8, 12),
        (Kind.READ, FLASH, 2048),
        (Kind.READ, FLASH + 2048, 952),
    ]


def test_what_is_not_done_is_no_touch(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.erase(RAM)  # errTARGET
        host.clear_status()
        host.dfu(Request.UPLOAD, 0, 4)  # the commands, which are in no memory
        host.idle()
        host.dfu(Request.UPLOAD, 1, 4)  # stalled
    assert touches(model) == []
    assert model.snapshot().traffic == dict.fromkeys(Kind, Traffic(0, 0))


def test_a_touch_has_the_time_of_the_port(host: Host) -> None:
    host.set_address(FLASH)
    host.abort()
    with ChipModel(host.port) as model:
        host.clock.sleep(3 * SECOND)
        host.upload(2, 16)
    assert model.snapshot().touches == (Touch(host.clock.now(), Kind.READ, FLASH, 16),)
    assert model.snapshot().last_used == host.clock.now()


def test_totals_and_what_the_last_second_brought(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.write(FLASH, bytes(100))
        host.clock.sleep(SECOND)
        host.write(FLASH + 100, bytes(40))
        assert model.snapshot().traffic[Kind.WRITE] == Traffic(140, 40)
        host.clock.sleep(SECOND)
        assert model.snapshot().traffic[Kind.WRITE] == Traffic(140, 0)


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 4096)), max_size=60))
def test_a_rate_is_that_of_the_last_second(additions: list[tuple[int, int]]) -> None:
    rate, now, came = Rate(), 0, []
    for pause, length in additions:
        now += pause
        rate.add(now, length)
        came.append((now, length))
    at_least = sum(length for at, length in came if at > now - 900_000)
    at_most = sum(length for at, length in came if at > now - SECOND)
    assert at_least <= rate.at(now) <= at_most


def test_like_requests_in_a_row_are_one_line(host: Host) -> None:
    with ChipModel(host.port) as model:
        for _ in range(5):
            host.get_status()
        host.get_state()
        host.get_status()
    assert [line.times for line in model.snapshot().lines] == [5, 1, 1]
    assert model.snapshot().transfers == 7


def test_blocks_in_a_row_are_lines_of_their_own(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.upload(2, 64)
        host.upload(3, 64)
    assert [line.times for line in model.snapshot().lines] == [1, 1]


def test_leaving_and_coming_back(plug: Plug, f405: Profile) -> None:
    host = plug(f405, timing="real", rdp=1).idle()
    with ChipModel(host.port) as model:
        host.start_reset(b"\x92")
        gone = model.snapshot()
        assert (gone.on_bus, gone.departure and gone.departure.reason) == (False, Reason.READ_UNPROTECT)
        returns_at = host.port.returns_at
        assert returns_at is not None
        host.clock.sleep(returns_at - host.clock.now())
        back = model.snapshot()
        assert (back.on_bus, back.departure) == (True, None)
    kinds = [type(line.occurrence) for line in back.lines]
    assert kinds == [Transfer, Transfer, Detached, Attached]
    assert touches(model) == [(Kind.ERASE, FLASH, 1 << 20)]


def test_how_long_it_is_busy(plug: Plug, f405: Profile) -> None:
    host = plug(f405, timing="real").idle()
    with ChipModel(host.port) as model:
        host.dnload(0, b"\x41" + FLASH.to_bytes(4, "little"))
        host.get_status()
        assert model.snapshot().busy_for == 400_000
        host.clock.sleep(150_000)
        assert model.snapshot().busy_for == 250_000


@pytest.mark.parametrize(("address", "label"), [(OPTION_BYTES, "option bytes"), (OTP, "OTP"), (RAM, "RAM")])
def test_other_memories_are_there_once_they_were_used(host: Host, address: int, label: str) -> None:
    with ChipModel(host.port) as model:
        assert model.snapshot().others == []
        host.read(address, 4)
        assert [strip.label for strip in model.snapshot().others] == [label]


def test_advice_is_kept(host: Host) -> None:
    model = ChipModel(host.port)
    with Adviser(host.port, model.advise):
        host.dfu(Request.UPLOAD, 1, 16)
    assert [advice.kind for advice in model.snapshot().advice] == ["reserved-block"]


def test_after_its_context_it_notes_nothing(host: Host) -> None:
    with ChipModel(host.port) as model:
        pass
    host.get_status()
    assert model.snapshot().transfers == 0
