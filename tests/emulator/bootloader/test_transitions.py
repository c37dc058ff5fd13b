"""Every request in every state, against the table of the protocol (DFU 1.1, AN3156, UM0424)."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import AbortInError, ClrStatus, Detach, FirstContact
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import CONFIGURE, NOWHERE, Host, Plug, plugged, variant
from emulator.tables import columns

# Cells: "ok STATE" or a number of bytes instead of ok; "stall" is a STALL that leads to dfuERROR with
# errSTALLEDPKT; a status other than OK follows the state. "gone": acknowledged, then off the bus.
# In dfuERROR the tests have errTARGET, so that a new error shows.
TABLE = """
| state            | DNLOAD       | DNLOAD of 0         | UPLOAD       | GETSTATUS             | CLRSTATUS              | GETSTATE              | ABORT      | DETACH |
| dfuIDLE          | by its block | ok dfuMANIFEST-SYNC | by its block | ok dfuIDLE            | ok dfuERROR errUNKNOWN | ok dfuIDLE            | ok dfuIDLE | stall  |
| dfuDNLOAD-SYNC   | stall        | stall               | stall        | ok dfuDNBUSY          | ok dfuERROR errUNKNOWN | ok dfuDNLOAD-SYNC     | ok dfuIDLE | stall  |
| dfuDNBUSY        | stall        | stall               | stall        | ok dfuDNLOAD-IDLE     | ok dfuERROR errUNKNOWN | ok dfuDNBUSY          | stall      | stall  |
| dfuDNLOAD-IDLE   | by its block | ok dfuMANIFEST-SYNC | stall        | ok dfuDNLOAD-IDLE     | ok dfuERROR errUNKNOWN | ok dfuDNLOAD-IDLE     | ok dfuIDLE | stall  |
| dfuMANIFEST-SYNC | stall        | stall               | stall        | gone                  | ok dfuERROR errUNKNOWN | ok dfuMANIFEST-SYNC   | ok dfuIDLE | stall  |
| dfuUPLOAD-IDLE   | stall        | stall               | by its block | ok dfuUPLOAD-IDLE     | ok dfuERROR errUNKNOWN | ok dfuUPLOAD-IDLE     | ok dfuIDLE | stall  |
| dfuERROR         | stall        | stall               | stall        | ok dfuERROR errTARGET | ok dfuIDLE             | ok dfuERROR errTARGET | stall      | stall  |
"""  # noqa: E501

DNLOAD_BY_BLOCK = """
| wBlockNum | 1                 | 4                 | 6                 | 2048              | 2049  | 65535 |
| 0         | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | stall | stall |
| 1         | stall             | stall             | stall             | stall             | stall | stall |
| 2         | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | stall | stall |
| 3         | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | stall | stall |
| 65535     | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | ok dfuDNLOAD-SYNC | stall | stall |
"""

# Block 0 has the four command codes. Block 65535 is at 0x0FFFE800, where the STM32F405 has nothing.
UPLOAD_BY_BLOCK = """
| wBlockNum | 0     | 1                        | 4                        | 6                        | 2048                     | 2049  | 65535 |
| 0         | stall | 1 dfuUPLOAD-IDLE         | 4 dfuUPLOAD-IDLE         | 4 dfuIDLE                | 4 dfuIDLE                | stall | stall |
| 1         | stall | stall                    | stall                    | stall                    | stall                    | stall | stall |
| 2         | stall | 1 dfuUPLOAD-IDLE         | 4 dfuUPLOAD-IDLE         | 6 dfuUPLOAD-IDLE         | 2048 dfuUPLOAD-IDLE      | stall | stall |
| 3         | stall | 1 dfuUPLOAD-IDLE         | 4 dfuUPLOAD-IDLE         | 6 dfuUPLOAD-IDLE         | 2048 dfuUPLOAD-IDLE      | stall | stall |
| 65535     | stall | stall dfuERROR errTARGET | stall dfuERROR errTARGET | stall dfuERROR errTARGET | stall dfuERROR errTARGET | stall | stall |
"""  # noqa: E501

SET_ADDRESS_TO_FLASH = b"\x21\x00\x00\x00\x08"


def _accept(host: Host) -> None:
    host.dnload(0, SET_ADDRESS_TO_FLASH)


def _start(host: Host) -> None:
    _accept(host)
    host.get_status()


def _finish(host: Host) -> None:
    _start(host)
    host.get_status()


def _fail(host: Host) -> None:
    assert host.set_address(NOWHERE).bStatus is Status.TARGET


REACH: dict[str, Callable[[Host], object]] = {
    "dfuIDLE": lambda host: None,
    "dfuDNLOAD-SYNC": _accept,
    "dfuDNBUSY": _start,
    "dfuDNLOAD-IDLE": _finish,
    "dfuMANIFEST-SYNC": lambda host: host.ask(Request.DNLOAD),
    "dfuUPLOAD-IDLE": lambda host: host.upload(2, 16),
    "dfuERROR": _fail,
}
"""How a host brings the device from dfuIDLE to each state in which it answers."""


class Case(NamedTuple):
    state: str
    setup: SetupPacket
    expected: str

    @property
    def data(self) -> bytes:
        return b"" if self.setup.is_in else bytes(self.setup.wLength)

    @property
    def name(self) -> str:
        setup = self.setup
        return f"{self.state}-{setup.bmRequestType:02X}-{setup.bRequest}-{setup.wValue}-{setup.wLength}"


def _by_block(table: str, state: str, request: Request, cell: str) -> Iterator[Case]:
    for block, row in columns(table).items():
        for length in list(row)[1:]:
            expected = row[length] if cell == "by its block" else cell
            yield Case(state, SetupPacket.dfu(request, int(block), int(length)), expected)


def _cases(state: str, row: dict[str, str]) -> Iterator[Case]:
    yield from _by_block(DNLOAD_BY_BLOCK, state, Request.DNLOAD, row["DNLOAD"])
    for block in (0, 1, 2, 3, 65535):
        yield Case(state, SetupPacket.dfu(Request.DNLOAD, block), row["DNLOAD of 0"])
    yield from _by_block(UPLOAD_BY_BLOCK, state, Request.UPLOAD, row["UPLOAD"])
    for length in (1, 4, 6, 2048, 65535):
        yield Case(state, SetupPacket.dfu(Request.GETSTATUS, 0, length), row["GETSTATUS"])
    for length in (0, 1, 6, 65535):
        yield Case(state, SetupPacket.dfu(Request.GETSTATE, 0, length), row["GETSTATE"])
    yield Case(state, SetupPacket.dfu(Request.CLRSTATUS), row["CLRSTATUS"])
    yield Case(state, SetupPacket.dfu(Request.ABORT), row["ABORT"])
    for timeout in (0, 1000):
        yield Case(state, SetupPacket.dfu(Request.DETACH, timeout), row["DETACH"])
    for unknown in (7, 0x41, 255):
        yield Case(state, SetupPacket(0x21, unknown), "stall")
        yield Case(state, SetupPacket(0xA1, unknown, 0, 0, 6), "stall")
    # The wrong direction, such as the one for GETSTATUS and GETSTATE in early editions of AN3156.
    for request in (Request.UPLOAD, Request.GETSTATUS, Request.GETSTATE):
        yield Case(state, SetupPacket(0x21, request, 2, 0, 6), "stall")
    for request in (Request.DETACH, Request.DNLOAD, Request.CLRSTATUS, Request.ABORT):
        yield Case(state, SetupPacket(0xA1, request, 2, 0, 6), "stall")


CASES = [case for state, row in columns(TABLE).items() for case in _cases(state, row)]


def observe(host: Host, case: Case) -> str:
    """What the device does with a request, in the words of the tables."""
    address = host.port.address
    reply = host.port.control(case.setup, case.data, address)
    if reply.departure is not None:
        with pytest.raises(DeviceGone):
            host.port.control(case.setup, case.data, address)
        return "gone"
    answer = "stall" if reply.data is None else "ok"
    if case.setup.bRequest == Request.UPLOAD and reply.data is not None:
        answer = str(len(reply.data))
    state = host.get_state()
    assert state is host.port.device.bootloader.state
    return _spell(answer, state, host.status)


def _spell(answer: str, state: State, status: Status) -> str:
    if (answer, state, status) == ("stall", State.ERROR, Status.STALLEDPKT):
        return "stall"
    return f"{answer} {state.label}" + (f" {status.label}" if status else "")


def check(profile: Profile, case: Case) -> None:
    with plugged(profile) as host:
        REACH[case.state](host.idle())
        assert host.get_state().label == case.state
        assert observe(host, case) == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer_and_next_state(f405: Profile, case: Case) -> None:
    check(f405, case)


def test_the_tables_have_every_state_that_is_on_the_bus() -> None:
    off = {State.APP_IDLE, State.APP_DETACH, State.MANIFEST, State.MANIFEST_WAIT_RESET}
    assert {state.label for state in State if state not in off} == set(REACH) == set(columns(TABLE))


@pytest.mark.parametrize("length", [1, 4, 6, 7, 2048])
@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("dfuIDLE", "00 000000 02 00"),
        ("dfuDNLOAD-SYNC", "00 000000 04 00"),
        ("dfuDNBUSY", "00 000000 05 00"),
        ("dfuDNLOAD-IDLE", "00 000000 05 00"),
        ("dfuMANIFEST-SYNC", "00 000000 07 00"),
        ("dfuUPLOAD-IDLE", "00 000000 09 00"),
        ("dfuERROR", "01 000000 0A 00"),
    ],
)
def test_bytes_of_getstatus(host: Host, state: str, told: str, length: int) -> None:
    """bStatus, bwPollTimeout (24 bits), bState after the request, iString; never more than wLength."""
    REACH[state](host)
    assert host.ask(Request.GETSTATUS, length=length) == bytes.fromhex(told)[:length]


@pytest.mark.parametrize("state", REACH)
def test_getstate_tells_the_state_and_changes_nothing(host: Host, state: str) -> None:
    REACH[state](host)
    before = host.status, host.pointer
    told = [host.ask(Request.GETSTATE, length=length) for length in (1, 0, 6, 1)]
    number = {"dfuIDLE": 2, "dfuDNLOAD-SYNC": 3, "dfuDNBUSY": 4, "dfuDNLOAD-IDLE": 5}
    number |= {"dfuMANIFEST-SYNC": 6, "dfuUPLOAD-IDLE": 9, "dfuERROR": 10}
    assert told == [bytes([number[state]]), b"", bytes([number[state]]), bytes([number[state]])]
    assert (host.status, host.pointer) == before


@pytest.mark.parametrize("block", [0, 2], ids=["block 0", "block 2"])
@pytest.mark.parametrize("request_", Request, ids=lambda request: request.label)
def test_after_leave_nothing_answers(plug: Plug, request_: Request, block: int) -> None:
    """appIDLE, appDETACH, dfuMANIFEST and dfuMANIFEST-WAIT-RESET: no host ever meets them."""
    host = plug(boot0=False).idle()
    host.ask(Request.DNLOAD, block)
    assert host.get_status().bState is State.MANIFEST
    setup = SetupPacket.dfu(request_, 0, 6)
    for packet in (setup, CONFIGURE, SetupPacket(0x80, 6, 0x0100, 0, 18)):
        with pytest.raises(DeviceGone):
            host.port.control(packet, b"" if packet.is_in else bytes(packet.wLength))
    assert not host.port.attached


@pytest.mark.parametrize("state", REACH)
def test_a_bus_reset_ends_all_but_an_error(host: Host, state: str) -> None:
    REACH[state](host)
    host.port.reset()
    host.port.configure()
    error = (Status.TARGET, 0, State.ERROR, 0)
    assert host.get_status() == (error if state == "dfuERROR" else (Status.OK, 0, State.DFU_IDLE, 0))


def test_a_bus_reset_drops_a_job_that_is_not_started(host: Host) -> None:
    host.dnload(2, b"data")
    host.port.reset()
    host.port.configure()
    assert host.upload(2, 4) == b"\xff" * 4


# Variants of a profile.

CLRSTATUS = """
| state            | error                  | stall                  | ignore              |
| dfuIDLE          | ok dfuERROR errUNKNOWN | stall dfuIDLE          | ok dfuIDLE          |
| dfuDNLOAD-SYNC   | ok dfuERROR errUNKNOWN | stall dfuDNLOAD-SYNC   | ok dfuDNLOAD-SYNC   |
| dfuDNBUSY        | ok dfuERROR errUNKNOWN | stall dfuDNBUSY        | ok dfuDNBUSY        |
| dfuDNLOAD-IDLE   | ok dfuERROR errUNKNOWN | stall dfuDNLOAD-IDLE   | ok dfuDNLOAD-IDLE   |
| dfuMANIFEST-SYNC | ok dfuERROR errUNKNOWN | stall dfuMANIFEST-SYNC | ok dfuMANIFEST-SYNC |
| dfuUPLOAD-IDLE   | ok dfuERROR errUNKNOWN | stall dfuUPLOAD-IDLE   | ok dfuUPLOAD-IDLE   |
| dfuERROR         | ok dfuIDLE             | ok dfuIDLE             | ok dfuIDLE          |
"""


@pytest.mark.parametrize("rule", ClrStatus, ids=lambda rule: str(rule.value))
@pytest.mark.parametrize("state", REACH)
def test_clrstatus(f405: Profile, state: str, rule: ClrStatus) -> None:
    expected = columns(CLRSTATUS)[state][rule.value]
    profile = variant(f405, "bootloader", clrstatus=rule)
    check(profile, Case(state, SetupPacket.dfu(Request.CLRSTATUS), expected))


@pytest.mark.parametrize(
    ("rule", "expected"), [(AbortInError.ERROR, "stall"), (AbortInError.IDLE, "ok dfuIDLE")]
)
def test_abort_in_error(f405: Profile, rule: AbortInError, expected: str) -> None:
    profile = variant(f405, "bootloader", abort_in_error=rule)
    check(profile, Case("dfuERROR", SetupPacket.dfu(Request.ABORT), expected))


@pytest.mark.parametrize("rule", AbortInError)
@pytest.mark.parametrize("state", ["dfuIDLE", "dfuDNLOAD-SYNC", "dfuDNLOAD-IDLE", "dfuUPLOAD-IDLE"])
def test_abort_elsewhere_does_not_depend_on_it(f405: Profile, state: str, rule: AbortInError) -> None:
    profile = variant(f405, "bootloader", abort_in_error=rule)
    check(profile, Case(state, SetupPacket.dfu(Request.ABORT), "ok dfuIDLE"))


@pytest.mark.parametrize(("rule", "expected"), [(Detach.REENUMERATE, "gone"), (Detach.STALL, "stall")])
@pytest.mark.parametrize("state", REACH)
def test_detach(f405: Profile, state: str, rule: Detach, expected: str) -> None:
    profile = variant(f405, "bootloader", detach=rule)
    check(profile, Case(state, SetupPacket.dfu(Request.DETACH, 1000), expected))


@pytest.mark.parametrize("state", REACH)
def test_a_detached_device_comes_back_in_dfuidle(f405: Profile, plug: Plug, state: str) -> None:
    host = plug(variant(f405, "bootloader", detach=Detach.REENUMERATE)).idle()
    REACH[state](host)
    before = host.port.address
    host.ask(Request.DETACH)
    assert host.wait_for_return().get_status() == (Status.OK, 0, State.DFU_IDLE, 0)
    assert host.port.address == before + 1


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (FirstContact.IDLE, (Status.OK, 0, State.DFU_IDLE, 0)),
        (FirstContact.ERR_FIRMWARE, (Status.FIRMWARE, 0, State.ERROR, 0)),
    ],
)
def test_first_contact(f405: Profile, plug: Plug, rule: FirstContact, told: tuple[int, ...]) -> None:
    assert plug(variant(f405, "bootloader", first_contact=rule)).get_status() == told
