"""dfuDNBUSY: four models of what GETSTATUS does while a job runs.

The job is the erase of a 16 KiB sector by bytes, for which an STM32F405 needs 400 ms and reports 100 ms.
"""

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel, HeldAt
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from emulator.host import FLASH, Plug, variant
from emulator.tables import rows

ERASE = b"\x41\x00\x00\x00\x08"

# "at": milliseconds after the first GETSTATUS at which the next one comes; "held": how long it is NAKed.
MODELS = """
| busy  | held_at | first: held | at  | answer         | poll | held |
| block | start   | 400         | 400 | dfuDNLOAD-IDLE | 0    | 0    |
| block | start   | 400         | 401 | dfuDNLOAD-IDLE | 0    | 0    |
| block | next    | 0           | 0   | dfuDNLOAD-IDLE | 0    | 400  |
| block | next    | 0           | 100 | dfuDNLOAD-IDLE | 0    | 300  |
| block | next    | 0           | 399 | dfuDNLOAD-IDLE | 0    | 1    |
| block | next    | 0           | 400 | dfuDNLOAD-IDLE | 0    | 0    |
| poll  | start   | 0           | 0   | dfuDNBUSY      | 100  | 0    |
| poll  | start   | 0           | 100 | dfuDNBUSY      | 100  | 0    |
| poll  | start   | 0           | 399 | dfuDNBUSY      | 100  | 0    |
| poll  | start   | 0           | 400 | dfuDNLOAD-IDLE | 0    | 0    |
| stall | start   | 0           | 0   | stall          | -    | 0    |
| stall | start   | 0           | 99  | stall          | -    | 0    |
| stall | start   | 0           | 100 | dfuDNBUSY      | 100  | 0    |
| stall | start   | 0           | 399 | dfuDNBUSY      | 100  | 0    |
| stall | start   | 0           | 400 | dfuDNLOAD-IDLE | 0    | 0    |
"""


def busy(profile: Profile, busy: str, held_at: str = "start", wedge_from: int | None = None) -> Profile:
    fields = {"busy": BusyModel(busy), "held_at": HeldAt(held_at), "wedge_from": wedge_from}
    return variant(profile, "bootloader", **fields)


@pytest.mark.parametrize("row", rows(MODELS), ids=lambda row: f"{row['busy']} {row['held_at']} {row['at']}")
def test_models(f405: Profile, plug: Plug, row: dict[str, str]) -> None:
    host = plug(busy(f405, row["busy"], row["held_at"]), timing="real").idle()
    host.dnload(0, ERASE)
    first = host.dfu(Request.GETSTATUS, length=6)
    assert first.data == bytes.fromhex("00 640000 04 00")
    assert first.hold == int(row["first: held"]) * 1000
    host.clock.sleep(int(row["at"]) * 1000)
    then = host.dfu(Request.GETSTATUS, length=6)
    assert then.hold == int(row["held"]) * 1000
    if row["answer"] == "stall":
        assert then.data is None
        assert host.get_state() is State.DNBUSY
    else:
        assert then.data is not None
        told = StatusReply.parse(then.data)
        assert (told.bState.label, told.bwPollTimeout) == (row["answer"], int(row["poll"]))
        assert told.bStatus is Status.OK


@pytest.mark.parametrize("held_at", ["start", "next"])
@pytest.mark.parametrize(
    ("request_", "length"), [(Request.GETSTATE, 1), (Request.CLRSTATUS, 0), (Request.ABORT, 0)]
)
def test_a_blocked_device_holds_whatever_comes(
    f405: Profile, plug: Plug, held_at: str, request_: Request, length: int
) -> None:
    host = plug(busy(f405, "block", held_at), timing="real").idle()
    host.dnload(0, ERASE)
    host.dfu(Request.GETSTATUS, length=6)
    host.clock.sleep(150_000)
    assert host.dfu(request_, length=length).hold == 250_000
    host.clock.sleep(250_000)
    assert host.dfu(Request.GETSTATE, length=1).hold == 0


@pytest.mark.parametrize("model", ["poll", "stall"])
def test_only_the_block_model_holds(f405: Profile, plug: Plug, model: str) -> None:
    host = plug(busy(f405, model), timing="real").idle()
    host.dnload(0, ERASE)
    host.get_status()
    reply = host.dfu(Request.GETSTATE, length=1)
    assert (reply.data, reply.hold) == (bytes([State.DNBUSY]), 0)


def test_a_stalled_poll_does_no_harm(f405: Profile, plug: Plug) -> None:
    """The STM32L4 may stall three times in a row, and goes on."""
    host = plug(busy(f405, "stall"), timing="real").idle()
    host.dnload(0, ERASE)
    host.get_status()
    assert [host.dfu(Request.GETSTATUS, length=6).data for _ in range(3)] == [None] * 3
    host.clock.sleep(400_000)
    assert host.get_status() == (Status.OK, 0, State.DNLOAD_IDLE, 0)


@pytest.mark.parametrize("model", ["block", "poll", "stall"])
def test_a_failed_job_takes_no_time(f405: Profile, plug: Plug, model: str) -> None:
    host = plug(busy(f405, model), timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x40")
    assert host.get_status() == (Status.OK, 100, State.DNBUSY, 0)
    host.clock.sleep(100_000)
    reply = host.dfu(Request.GETSTATUS, length=6)
    assert (reply.data, reply.hold) == (bytes.fromhex("01 000000 0A 00"), 0)


# The STM32H743 revision V above 1 MiB; here above the first 512 KiB of the STM32F405.
WEDGE = FLASH + 0x80000


@pytest.mark.parametrize("timing", ["fast", "real"])
@pytest.mark.parametrize("model", ["block", "poll"])
@pytest.mark.parametrize(("address", "wedged"), [(WEDGE - 1, False), (WEDGE, True), (WEDGE + 0x20000, True)])
def test_wedged_erase(f405: Profile, plug: Plug, timing: str, model: str, address: int, wedged: bool) -> None:
    host = plug(busy(f405, model, wedge_from=WEDGE), timing=timing).idle()
    host.dnload(0, b"\x41" + address.to_bytes(4, "little"))
    assert host.get_status().bState is State.DNBUSY
    for _ in range(3):
        host.clock.sleep(60_000_000)
        assert host.get_status().bState is (State.DNBUSY if wedged else State.DNLOAD_IDLE)


def test_clrstatus_twice_frees_a_wedged_device_and_the_erase_is_done(f405: Profile, plug: Plug) -> None:
    host = plug(busy(f405, "block", wedge_from=WEDGE)).idle()
    block = 2 + (WEDGE - FLASH) // 2048
    host.dnload(block, b"full")
    while host.get_status().bState is not State.DFU_IDLE:
        host.clear_status()
    assert host.upload(block, 4) == b"full"
    host.abort()
    host.dnload(0, b"\x41" + WEDGE.to_bytes(4, "little"))
    assert [host.get_status().bState for _ in range(3)] == [State.DNBUSY] * 3
    host.clear_status()
    assert host.get_status() == (Status.UNKNOWN, 0, State.ERROR, 0)
    host.clear_status()
    assert host.get_status() == (Status.OK, 0, State.DFU_IDLE, 0)
    assert host.upload(block, 4) == b"\xff" * 4


def test_a_blocked_device_holds_chapter_9_too(f405: Profile, plug: Plug) -> None:
    host = plug(busy(f405, "block", "next"), timing="real").idle()
    host.dnload(0, ERASE)
    host.get_status()
    reply = host.port.control(SetupPacket(0x80, 6, 0x0100, 0, 18))
    assert reply.data is not None
    assert (len(reply.data), reply.hold) == (18, 400_000)


def test_only_erases_are_wedged(f405: Profile, plug: Plug) -> None:
    """A write and a pointer above the address go on as ever."""
    host = plug(busy(f405, "poll", wedge_from=FLASH)).idle()
    assert host.write(FLASH + 0x1000, b"data").bState is State.DNLOAD_IDLE


@pytest.mark.parametrize("model", ["poll", "stall"])
def test_clrstatus_does_not_end_what_the_flash_is_at(f405: Profile, plug: Plug, model: str) -> None:
    host = plug(busy(f405, model), timing="real").idle()
    host.dnload(0, ERASE)
    host.get_status()
    host.clear_status()
    host.clear_status()
    host.dnload(0, ERASE)
    host.get_status()
    host.clock.sleep(799_999)
    assert host.get_status().bState is State.DNBUSY
    host.clock.sleep(1)
    assert host.get_status().bState is State.DNLOAD_IDLE
