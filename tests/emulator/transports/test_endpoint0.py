"""Control transfers on a device controller: what the kernel is told, in which order, and when."""

from dataclasses import dataclass, field

import pytest

from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import HeldAt, LoneFunctional
from dfu_emulator.scenario import Do, Fault, Moment, Requests, Scenario, When
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.endpoint0 import GIVEN_UP, carry
from dfu_emulator.transports.worker import Worker
from dfu_protocol import Request, SetupPacket, State, StatusReply
from emulator.host import FLASH, Host, Plug, variant

LONE = SetupPacket(0x81, 6, 0x2100, 0, 9)
GET_STATUS = SetupPacket.dfu(Request.GETSTATUS, wLength=6)
ERASE = b"\x41" + FLASH.to_bytes(4, "little")
MASS_ERASE = b"\x41"


@dataclass
class Kernel:
    """The kernel's side of endpoint 0: notes when it was told what."""

    clock: ManualClock
    out: bytes = b""
    told: list[tuple[int, str | bytes]] = field(default_factory=list)

    def receive(self, length: int) -> bytes:
        self.told.append((self.clock.now(), "receive"))
        assert length == len(self.out)
        return self.out

    def send(self, data: bytes, _setup: SetupPacket) -> None:
        self.told.append((self.clock.now(), data))

    def acknowledge(self, _setup: SetupPacket) -> None:
        self.told.append((self.clock.now(), "acknowledge"))

    def stall(self, _setup: SetupPacket) -> None:
        self.told.append((self.clock.now(), "stall"))


def told(host: Host, setup: SetupPacket, data: bytes = b"") -> list[tuple[int, str | bytes]]:
    """What the kernel is told of one transfer: microseconds from its beginning, and what."""
    kernel = Kernel(host.clock, data)
    began = host.clock.now()
    carry(setup, kernel, host.port, Worker(lambda: None, "test"), host.port.address)
    return [(at - began, what) for at, what in kernel.told]


def dnload(host: Host, data: bytes, block: int = 0) -> list[tuple[int, str | bytes]]:
    return told(host, SetupPacket.dfu(Request.DNLOAD, block, len(data)), data)


def state(answer: list[tuple[int, str | bytes]]) -> tuple[int, State]:
    ((at, data),) = answer
    assert isinstance(data, bytes)
    return at, StatusReply.parse(data).bState


def test_data_to_the_host_are_sent(host: Host) -> None:
    assert told(host, GET_STATUS) == [(0, bytes.fromhex("00 000000 02 00"))]


def test_data_from_the_host_are_taken_and_that_is_all(host: Host) -> None:
    """To take them is to acknowledge them."""
    assert dnload(host, b"data", block=2) == [(0, "receive")]
    assert state(told(host, GET_STATUS)) == (0, State.DNBUSY)
    told(host, GET_STATUS)
    host.idle()
    assert host.read(FLASH, 4) == b"data"


@pytest.mark.parametrize("setup", [SetupPacket.dfu(Request.ABORT), SetupPacket(0x80, 6, 0x0100, 0, 0)])
def test_without_data_it_is_acknowledged(host: Host, setup: SetupPacket) -> None:
    assert told(host, setup) == [(0, "acknowledge")]


@pytest.mark.parametrize("setup", [SetupPacket.dfu(Request.DETACH), SetupPacket(0x80, 6, 0x0600, 0, 10)])
def test_what_is_refused_is_stalled(host: Host, setup: SetupPacket) -> None:
    assert told(host, setup) == [(0, "stall")]


def test_data_that_are_refused_are_never_asked_for(host: Host) -> None:
    assert dnload(host, b"data", block=1) == [(0, "stall")]


@pytest.mark.parametrize(
    ("command", "duration"), [(ERASE, 400_000), (MASS_ERASE, 16_000_000)], ids=["erase", "mass erase"]
)
class TestBusy:
    def test_what_comes_next_waits(self, plug: Plug, command: bytes, duration: int) -> None:
        host = plug(timing="real").idle()
        dnload(host, command)
        assert state(told(host, GET_STATUS)) == (0, State.DNBUSY)
        assert state(told(host, GET_STATUS)) == (duration, State.DNLOAD_IDLE)

    def test_an_answer_is_held_however_long(
        self, f405: Profile, plug: Plug, command: bytes, duration: int
    ) -> None:
        """Also longer than some hosts wait: it comes then, and is no stall."""
        host = plug(variant(f405, "bootloader", held_at=HeldAt.START), timing="real").idle()
        dnload(host, command)
        assert state(told(host, GET_STATUS)) == (duration, State.DNBUSY)
        assert state(told(host, GET_STATUS)) == (0, State.DNLOAD_IDLE)


class TestSilence:
    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        return plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)).idle()

    def test_is_stalled_once_the_host_has_given_up(self, host: Host) -> None:
        """Only then does the kernel let go of the request."""
        assert told(host, LONE) == [(GIVEN_UP, "stall")]

    def test_the_next_request_is_answered(self, host: Host) -> None:
        told(host, LONE)
        assert told(host, GET_STATUS) == [(0, bytes.fromhex("00 000000 02 00"))]
        assert dnload(host, b"data", block=2) == [(0, "receive")]


class TestFaultsOfADownload:
    """What is to be refused is refused before its data are taken; the rest comes too late for them."""

    @pytest.mark.parametrize(
        ("do", "moment", "answer"),
        [
            (Do.STALL, None, [(0, "stall")]),
            (Do.TIMEOUT, None, [(GIVEN_UP, "stall")]),
            (Do.TIMEOUT, Moment.DURING, [(0, "receive")]),
            (Do.CORRUPT, None, [(0, "receive")]),
        ],
    )
    def test_what_the_host_is_answered(
        self, plug: Plug, do: Do, moment: Moment | None, answer: list[tuple[int, str]]
    ) -> None:
        fault = Fault(do=do, when=When(request=Requests.of(Request.DNLOAD)), moment=moment)
        host = plug(scenario=Scenario(faults=(fault,))).idle()
        assert dnload(host, b"data", block=2) == answer
        taken = moment is Moment.DURING or do is Do.CORRUPT
        assert host.get_state() is (State.DNLOAD_SYNC if taken else State.DFU_IDLE)

    @pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.DURING])
    def test_a_device_that_leaves_answers_no_more(self, plug: Plug, moment: Moment) -> None:
        fault = Fault(do=Do.DISCONNECT, when=When(request=Requests.of(Request.DNLOAD)), moment=moment)
        host = plug(scenario=Scenario(faults=(fault,))).idle()
        kernel = Kernel(host.clock, b"data")
        setup = SetupPacket.dfu(Request.DNLOAD, 2, 4)
        with pytest.raises(DeviceGone):
            carry(setup, kernel, host.port, Worker(lambda: None, "test"), host.port.address)
        assert [what for _at, what in kernel.told] == ["receive"] * (moment is Moment.DURING)
