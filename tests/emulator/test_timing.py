"""Time: what jobs of an STM32F405 take and what it says of that, and that fast is only fast."""

import pytest

from dfu_emulator.port import Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import BusyModel
from dfu_emulator.timing import FastTiming, ManualClock, MonotonicClock, RealTiming, Work, WorkKind
from dfu_protocol import Request, State, Status
from emulator.host import DEVICE_FEATURE, FLASH, Host, Plug, variant
from emulator.tables import rows

# Data-sheet times (DS8626, typical), by the width of programming that the voltage range gives.
DURATIONS = """
| job                      | range | ms    |
| erase of 16 KiB          | 0     | 400   |
| erase of 64 KiB          | 0     | 1200  |
| erase of 128 KiB         | 0     | 2000  |
| mass erase               | 0     | 16000 |
| erase of 16 KiB          | 1     | 300   |
| erase of 64 KiB          | 1     | 700   |
| erase of 128 KiB         | 1     | 1300  |
| mass erase               | 1     | 11000 |
| erase of 16 KiB          | 3     | 250   |
| erase of 64 KiB          | 3     | 550   |
| erase of 128 KiB         | 3     | 1000  |
| mass erase               | 3     | 8000  |
| write of 2048 bytes      | 0     | 8.192 |
| write of 2048 bytes      | 3     | 8.192 |
| write of 4 bytes         | 0     | 0.016 |
| set address              | 0     | 0     |
"""
JOBS = {
    "erase of 16 KiB": (0, b"\x41\x00\x00\x00\x08"),
    "erase of 64 KiB": (0, b"\x41\x00\x00\x01\x08"),
    "erase of 128 KiB": (0, b"\x41\x00\x00\x02\x08"),
    "mass erase": (0, b"\x41"),
    "write of 2048 bytes": (2, bytes(2048)),
    "write of 4 bytes": (2, bytes(4)),
    "set address": (0, b"\x21\x00\x00\x00\x08"),
    "unknown command": (0, b"\x99"),
    "get commands": (0, b"\x00"),
}


@pytest.fixture
def polled(f405: Profile) -> Profile:
    """dfuDNBUSY shows for as long as a job takes."""
    return variant(f405, "bootloader", busy=BusyModel.POLL)


@pytest.mark.parametrize("row", rows(DURATIONS), ids=lambda row: f"{row['job']}, range {row['range']}")
def test_durations(polled: Profile, plug: Plug, row: dict[str, str]) -> None:
    host = plug(polled, timing="real").idle()
    if row["range"] != "0":
        host.write(DEVICE_FEATURE, bytes([int(row["range"]), 0xFF, 0xFF, 0xFF]))
        host.clock.sleep(1_000_000)
        host.idle()
        host.set_address(FLASH)
    duration = round(float(row["ms"]) * 1000)
    block, data = JOBS[row["job"]]
    host.dnload(block, data)
    host.get_status()
    if duration:
        host.clock.sleep(duration - 1)
        assert host.get_status().bState is State.DNBUSY
        host.clock.sleep(1)
    assert host.get_status() == (Status.OK, 0, State.DNLOAD_IDLE, 0)


@pytest.mark.parametrize(
    ("job", "milliseconds"),
    [
        ("erase of 16 KiB", 100),
        ("erase of 128 KiB", 100),
        ("mass erase", 100),  # it takes 16 s
        ("write of 2048 bytes", 104),
        ("set address", 104),
        ("get commands", 104),
        ("unknown command", 104),
    ],
)
def test_reported_time(plug: Plug, job: str, milliseconds: int) -> None:
    host = plug(timing="real").idle()
    assert host.get_status().bwPollTimeout == 0
    block, data = JOBS[job]
    host.dnload(block, data)
    assert host.get_status().bwPollTimeout == milliseconds
    assert host.get_status().bwPollTimeout == 0


def test_reported_time_of_leaving_and_read_unprotect(plug: Plug) -> None:
    host = plug(timing="real").idle()
    host.ask(Request.DNLOAD)
    assert host.get_status() == (Status.OK, 104, State.MANIFEST, 0)
    host.wait_for_return().idle()
    assert host.start_reset(b"\x92") == (Status.OK, 100, State.DNBUSY, 0)


def test_bwpolltimeout_has_24_bits_on_the_wire(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "timing.poll_timeout", erase=0x030201), timing="real").idle()
    host.dnload(0, b"\x41\x00\x00\x00\x08")
    assert host.ask(Request.GETSTATUS, length=6) == bytes.fromhex("00 01 02 03 04 00")


def test_a_new_voltage_range_counts_from_the_next_job_on(polled: Profile, plug: Plug) -> None:
    host = plug(polled, timing="real").idle()
    for voltage_range, duration in ((1, 300_000), (3, 250_000), (0, 400_000)):
        host.write(DEVICE_FEATURE, bytes([voltage_range, 0xFF, 0xFF, 0xFF]))
        host.clock.sleep(1_000_000)
        host.idle()
        host.dnload(0, b"\x41\x00\x00\x00\x08")
        host.get_status()
        host.clock.sleep(duration - 1)
        assert host.get_status().bState is State.DNBUSY
        host.clock.sleep(1)
        assert host.get_status().bState is State.DNLOAD_IDLE


def everything(host: Host) -> None:
    """A session with every kind of job, of which some fail."""
    host.upload(0, 4)
    host.idle()
    host.write(DEVICE_FEATURE, b"\x03\xff\xff\xff")
    for block, data in JOBS.values():
        host.job(block, data)
        host.idle()
    host.erase(0x40000000)
    host.idle()
    host.upload(2, 2048)
    host.upload(3, 2048)
    host.idle()
    host.start_reset(b"\x92")
    host.wait_for_return().idle()
    host.ask(Request.DNLOAD)
    host.get_status()
    host.wait_for_return().idle()


def test_fast_visits_the_same_states_in_the_same_order(plug: Plug) -> None:
    visited: dict[str, list[tuple[object, ...]]] = {}
    timeouts: dict[str, list[int]] = {}
    holds: dict[str, list[int]] = {}
    for timing in ("fast", "real"):
        seen: list[object] = []
        everything(plug(timing=timing, watchers=(seen.append,)).idle())
        transfers = [item for item in seen if isinstance(item, Transfer)]
        visited[timing] = [(item.setup, item.before, item.after, item.status) for item in transfers]
        told = [item.data for item in transfers if item.setup[:2] == (0xA1, Request.GETSTATUS)]
        timeouts[timing] = [int.from_bytes(data[1:4], "little") for data in told]
        holds[timing] = [item.reply.hold for item in transfers]
    assert visited["fast"] == visited["real"]
    assert len(visited["fast"]) > 70
    assert {state for _, *states, _ in visited["fast"] for state in states} >= set(State) - {
        *(State.APP_IDLE, State.APP_DETACH, State.MANIFEST, State.MANIFEST_WAIT_RESET)
    }
    assert set(timeouts["fast"]) == set(holds["fast"]) == {0}
    assert set(timeouts["real"]) == {0, 100, 104}
    assert max(holds["real"]) == 8_000_000


def test_fast_takes_no_time_at_all(plug: Plug) -> None:
    host = plug(timing="fast")
    everything(host.idle())
    assert host.clock.now() == 0


@pytest.mark.parametrize("kind", WorkKind)
def test_fast_timing(kind: WorkKind) -> None:
    timing = FastTiming()
    assert timing.poll_timeout(kind) == timing.duration(Work(kind, 512, 16384), None) == 0
    assert timing.idle_timeout() == timing.connect_delay() == 0


def test_real_timing_without_a_width_takes_the_profiles_first(f405: Profile) -> None:
    timing = RealTiming(f405.timing)
    work = Work(WorkKind.ERASE, sector=16384)
    assert [timing.duration(work, width) for width in (None, "x8", "x32")] == [400_000, 400_000, 250_000]
    assert timing.connect_delay() == 250_000


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    assert [clock.now(), clock.now()] == [0, 0]
    clock.sleep(1500)
    clock.sleep(0)
    assert clock.now() == 1500


def test_monotonic_clock_counts_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.monotonic_ns", lambda: 12_345_678)
    monkeypatch.setattr("time.sleep", slept.append)
    clock = MonotonicClock()
    assert clock.now() == 12_345
    clock.sleep(250_000)
    assert slept == [0.25]
