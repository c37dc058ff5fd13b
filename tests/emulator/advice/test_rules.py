"""Each rule by two conversations: one that breaks it, and the right one, which brings no advice at all."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfu_emulator.advice import RULES, Adviser
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import AbortInError, BlockSize, BusyModel, HeldAt, Overwrite, Rdp1
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from emulator.host import (
    DEVICE_FEATURE,
    FLASH,
    NOWHERE,
    OPTION_BYTES,
    RAM,
    TRANSFER_SIZE,
    Host,
    Plug,
    variant,
)

GETSTATUS_LENGTH = 6
VECTORS = bytes.fromhex("00 00 02 20 01 02 00 08")
Conversation = Callable[[Host], object]


def ask_wrongly(host: Host) -> None:
    host.port.control(SetupPacket(0x21, Request.GETSTATUS, 0, 0, 0))
    host.clear_status()


def start(host: Host, data: bytes, block: int = 0) -> StatusReply:
    host.dnload(block, data)
    return host.get_status()


def patient_job(host: Host, data: bytes, block: int = 0) -> None:
    """DNLOAD, and GETSTATUS with bwPollTimeout in between until the chip is no longer busy."""
    host.dnload(block, data)
    status = host.get_status()
    while status.bState is State.DNBUSY:
        host.clock.sleep(status.bwPollTimeout * 1000)
        status = host.get_status()


def hasty_job(host: Host, data: bytes) -> None:
    timeout = start(host, data).bwPollTimeout
    host.clock.sleep(timeout * 1000 - 1000)
    host.get_status()


def read_blocks(host: Host, length: int) -> None:
    """Four blocks with rising numbers, the last one short."""
    host.set_address(FLASH)
    host.abort()
    for number in range(4):
        host.upload(2 + number, length)
    host.upload(6, 16)


def write_blocks(host: Host, length: int) -> None:
    host.set_address(FLASH)
    for number in range(3):
        host.job(2 + number, bytes(length))


def up_to_block_255(host: Host) -> None:
    host.set_address(FLASH)
    host.abort()
    host.upload(0xFE, TRANSFER_SIZE)
    host.upload(0xFF, TRANSFER_SIZE)


def leave(host: Host) -> None:
    host.dnload(0, b"")
    host.get_status()


def erase_and_write(host: Host, address: int, data: bytes) -> None:
    host.erase(address)
    host.write(address, data)


def option_bytes(wrp: int = 0xFF) -> bytes:
    return bytes([0xFF, 0xAA, *b"\xff" * 6, wrp, *b"\xff" * 7])


def protect_sector_0(host: Host) -> None:
    host.set_address(OPTION_BYTES)
    host.start_reset(option_bytes(wrp=0xFE), block=2)
    host.wait_for_return().idle()


@dataclass(frozen=True)
class Case:
    """``says`` is the title that ``wrong`` brings; ``first`` is done before anybody watches."""

    kind: str
    says: str
    wrong: Conversation
    right: Conversation
    first: Conversation = lambda host: None
    timing: str = "fast"
    rdp: int = 0
    profile: Callable[[Profile], Profile] = lambda profile: profile

    def __str__(self) -> str:
        return f"{self.kind}: {self.says}"


def held_at_start(profile: Profile) -> Profile:
    return variant(profile, "bootloader", busy=BusyModel.BLOCK, held_at=HeldAt.START)


def polled(profile: Profile) -> Profile:
    return variant(profile, "bootloader", busy=BusyModel.POLL)


def silent_writes(profile: Profile) -> Profile:
    return variant(profile, "protection", write=Rdp1.IGNORE, set_address=Rdp1.ALLOW)


def refusing(profile: Profile) -> Profile:
    return variant(profile, "memory.flash", overwrite=Overwrite.PROG)


CASES = [
    Case(
        "wrong-direction",
        "GETSTATUS was sent with bmRequestType 0x21, it has 0xA1",
        ask_wrongly,
        lambda host: host.get_status(),
    ),
    Case(
        "wrong-direction",
        "ABORT was sent with bmRequestType 0xA1, it has 0x21",
        lambda host: host.port.control(SetupPacket(0xA1, Request.ABORT)),
        lambda host: host.abort(),
    ),
    Case(
        "upload-in-dnload-idle",
        "UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE",
        lambda host: (host.set_address(FLASH), host.dfu(Request.UPLOAD, 2, 16)),
        lambda host: (host.set_address(FLASH), host.abort(), host.upload(2, 16)),
    ),
    Case(
        "dnload-in-upload-idle",
        "DNLOAD of block 0 was stalled in dfuUPLOAD-IDLE",
        lambda host: (host.upload(2, 16), host.dfu(Request.DNLOAD, data=b"\x41")),
        lambda host: (host.upload(2, 16), host.abort(), host.mass_erase()),
    ),
    Case(
        "long-block",
        "UPLOAD asked for 4096 bytes in one block, the chip takes 2048",
        lambda host: host.dfu(Request.UPLOAD, 2, 4096),
        lambda host: host.upload(2, 2048),
    ),
    Case(
        "long-block",
        "DNLOAD asked for 4096 bytes in one block, the chip takes 2048",
        lambda host: host.dfu(Request.DNLOAD, 2, data=bytes(4096)),
        lambda host: host.write(FLASH, bytes(2048)),
    ),
    Case(
        "reserved-block",
        "UPLOAD with wBlockNum 1 was stalled",
        lambda host: host.dfu(Request.UPLOAD, 1, 64),
        lambda host: host.upload(2, 64),
    ),
    Case(
        "ignored-error",
        "DNLOAD was sent in dfuERROR",
        lambda host: host.dfu(Request.DNLOAD, data=b"\x41"),
        lambda host: (host.clear_status(), host.get_status(), host.mass_erase()),
        first=lambda host: host.erase(NOWHERE),
    ),
    Case(
        "ignored-error",
        "ABORT was sent in dfuERROR",
        lambda host: host.dfu(Request.ABORT),
        lambda host: (host.get_state(), host.clear_status()),
        first=lambda host: host.erase(NOWHERE),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the write of block 2 was missing: DNLOAD came instead",
        lambda host: (host.dnload(2, bytes(64)), host.dfu(Request.DNLOAD, 3, data=bytes(64))),
        lambda host: host.job(2, bytes(64)),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does Set Address Pointer was missing: ABORT came instead",
        lambda host: (host.dnload(0, b"\x21\x00\x00\x00\x08"), host.abort()),
        lambda host: (host.set_address(FLASH), host.abort()),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the leave was missing: the host was done",
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), host.dnload(0, b"")),
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), leave(host)),
    ),
    Case(
        "missing-getstatus",
        "The GETSTATUS that does the mass erase was missing: the bus was reset",
        lambda host: (host.dnload(0, b"\x41"), host.port.reset_and_restore()),
        lambda host: (host.mass_erase(), host.port.reset_and_restore()),
    ),
    Case(
        "unasked-outcome",
        "How the write of block 2 ended was never asked: DNLOAD came in dfuDNBUSY",
        lambda host: (start(host, bytes(64), 2), host.dfu(Request.DNLOAD, 2, data=bytes(64))),
        lambda host: host.job(2, bytes(64)),
    ),
    Case(
        "unasked-outcome",
        "How Set Address Pointer ended was never asked: the host was done",
        lambda host: start(host, b"\x21\x00\x00\x00\x08"),
        lambda host: host.set_address(FLASH),
    ),
    Case(
        "early-poll",
        "GETSTATUS came 1 ms before the 100 ms of bwPollTimeout were up",
        lambda host: hasty_job(host, b"\x41\x00\x00\x00\x08"),
        lambda host: patient_job(host, b"\x41\x00\x00\x00\x08"),
        timing="real",
        profile=polled,
    ),
    Case(
        "impatient-erase",
        "The host gave up the mass erase while the chip was at it",
        lambda host: start(host, b"\x41"),
        lambda host: patient_job(host, b"\x41"),
        timing="real",
    ),
    Case(
        "impatient-erase",
        "The host gave up the erase at 0x08000000 while the chip was at it",
        lambda host: (
            host.dfu(Request.DNLOAD, data=b"\x41\x00\x00\x00\x08"),
            host.dfu(Request.GETSTATUS, length=GETSTATUS_LENGTH),
            host.dfu(Request.GETSTATE, length=1),
        ),
        lambda host: patient_job(host, b"\x41\x00\x00\x00\x08"),
        timing="real",
        profile=held_at_start,
    ),
    Case(
        "short-blocks",
        "This read skipped 1984 of each 2048 bytes: blocks of 64 bytes with rising wBlockNum",
        lambda host: read_blocks(host, 64),
        lambda host: read_blocks(host, 2048),
    ),
    Case(
        "short-blocks",
        "This write left out 1024 of each 2048 bytes: blocks of 1024 bytes with rising wBlockNum",
        lambda host: write_blocks(host, 1024),
        lambda host: write_blocks(host, 2048),
    ),
    Case(
        "block-wrap",
        "wBlockNum wrapped from 255 to 0",
        lambda host: (up_to_block_255(host), host.dfu(Request.UPLOAD, 0, TRANSFER_SIZE)),
        lambda host: (up_to_block_255(host), host.upload(0x100, TRANSFER_SIZE)),
    ),
    Case(
        "block-wrap",
        "wBlockNum wrapped from 255 to 0",
        lambda host: (host.job(255, bytes(64)), host.job(0, bytes(64))),
        lambda host: (host.job(255, bytes(64)), host.set_address(FLASH), host.job(2, bytes(64))),
    ),
    Case(
        "not-erased",
        "Block 2 was written to 0x08000000 over data that were not erased: "
        "the chip reports OK and mixes old and new bits",
        lambda host: host.write(FLASH, b"new!"),
        lambda host: erase_and_write(host, FLASH, b"new!"),
        first=lambda host: (host.write(FLASH, b"old!"), host.idle()),
    ),
    Case(
        "not-erased",
        "Block 2 was written to 0x08000000 over data that were not erased: the chip refuses it with errPROG",
        lambda host: host.write(FLASH, b"new!"),
        lambda host: erase_and_write(host, FLASH, b"new!"),
        first=lambda host: (host.write(FLASH, b"old!"), host.idle()),
        profile=refusing,
    ),
    Case(
        "misaligned-write",
        "5 bytes were written to 0x08000000, the flash takes multiples of 4",
        lambda host: host.write(FLASH, b"12345"),
        lambda host: host.write(FLASH, b"12345\xff\xff\xff"),
    ),
    Case(
        "misaligned-write",
        "4 bytes were written to 0x08000002, the flash takes multiples of 4",
        lambda host: host.write(FLASH + 2, b"1234"),
        lambda host: host.write(RAM + 2, b"1234"),
    ),
    Case(
        "past-the-end",
        "64 bytes at 0x080FFFE0 reach 32 bytes over the end of the memory at 0x08100000",
        lambda host: host.write(FLASH + 0xFFFE0, bytes(64)),
        lambda host: host.write(FLASH + 0xFFFC0, bytes(64)),
    ),
    Case(
        "outside-memory",
        "Set Address Pointer went to 0x40000000, where the bootloader has no memory for it",
        lambda host: host.set_address(NOWHERE),
        lambda host: host.set_address(DEVICE_FEATURE),
    ),
    Case(
        "outside-memory",
        "An erase went to 0x20003000, where the bootloader has no memory for it",
        lambda host: host.erase(RAM),
        lambda host: host.erase(FLASH),
    ),
    Case(
        "outside-memory",
        "A write went to 0x08100000, where the bootloader has no memory for it",
        lambda host: (host.set_address(FLASH + 0xFF800), host.job(3, bytes(2048))),
        lambda host: (host.set_address(FLASH + 0xFF800), host.job(2, bytes(2048))),
    ),
    Case(
        "partial-option-bytes",
        "4 bytes were written to option bytes at 0x1FFFC000, of 16 at 0x1FFFC000",
        lambda host: host.write(OPTION_BYTES, bytes(4)),
        lambda host: (host.set_address(OPTION_BYTES), host.start_reset(option_bytes(), block=2)),
    ),
    Case(
        "erased-twice",
        "The sector at 0x08000010 was erased again, with no write in between",
        lambda host: (host.erase(FLASH), host.erase(FLASH + 16)),
        lambda host: (erase_and_write(host, FLASH, bytes(4)), host.erase(FLASH), host.erase(FLASH + 0x4000)),
    ),
    Case(
        "erased-twice",
        "The sector at 0x08000000 was erased again, with no write in between",
        lambda host: (host.mass_erase(), host.erase(FLASH)),
        lambda host: (host.erase(FLASH), host.mass_erase()),
    ),
    Case(
        "erased-twice",
        "The whole flash was erased again, with no write in between",
        lambda host: (host.mass_erase(), host.mass_erase()),
        lambda host: (host.mass_erase(), host.write(FLASH, bytes(4)), host.mass_erase()),
    ),
    Case(
        "write-protected",
        "An erase went to sector 0, which the option bytes write-protect",
        lambda host: host.erase(FLASH),
        lambda host: host.erase(FLASH + 0x4000),
        first=protect_sector_0,
    ),
    Case(
        "write-protected",
        "A write went to sector 0, which the option bytes write-protect",
        lambda host: host.write(FLASH + 0x3FFC, bytes(8)),
        lambda host: host.write(FLASH + 0x4000, bytes(8)),
        first=protect_sector_0,
    ),
    Case(
        "read-protected",
        "A read at read protection level 1 ended in errVENDOR",
        lambda host: host.dfu(Request.UPLOAD, 2, 16),
        lambda host: host.upload(0, 4),
        rdp=1,
    ),
    Case(
        "read-protected",
        "A command or write at read protection level 1 ended in errVENDOR",
        lambda host: host.mass_erase(),
        lambda host: (host.start_reset(b"\x92"), host.wait_for_return().idle(), host.upload(2, 16)),
        rdp=1,
    ),
    Case(
        "read-protected",
        "A write at read protection level 1 ended in OK, and nothing changed",
        lambda host: host.write(FLASH, bytes(4)),
        lambda host: host.set_address(FLASH),
        rdp=1,
        profile=silent_writes,
    ),
    Case(
        "leave-without-address",
        "No Set Address Pointer came before the leave request, which took 0x08000000",
        leave,
        lambda host: (host.set_address(FLASH), leave(host)),
        first=lambda host: (host.write(FLASH, VECTORS), host.idle()),
    ),
    Case(
        "leave-without-address",
        "No Set Address Pointer came before the leave request, which took 0x08000000",
        lambda host: (host.write(FLASH, VECTORS), leave(host)),
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), leave(host)),
    ),
    Case(
        "leave-to-nothing",
        "The chip left for 0x08004000, where there is no valid vector table",
        lambda host: (host.set_address(FLASH + 0x4000), leave(host)),
        lambda host: (host.set_address(FLASH), leave(host)),
        first=lambda host: (host.write(FLASH, VECTORS), host.idle()),
    ),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    found = request.param
    assert isinstance(found, Case)
    return found


@pytest.fixture
def watched(f405: Profile, plug: Plug, case: Case) -> tuple[Host, Adviser]:
    host = plug(case.profile(f405), timing=case.timing, rdp=case.rdp)
    host.idle()
    case.first(host)
    return host, Adviser(host.port)


def test_broken(watched: tuple[Host, Adviser], case: Case) -> None:
    host, adviser = watched
    with adviser:
        case.wrong(host)
    assert adviser.findings[case.kind].first.title == case.says


def test_kept(watched: tuple[Host, Adviser], case: Case) -> None:
    host, adviser = watched
    with adviser:
        case.right(host)
    assert adviser.findings == {}


def test_each_rule_has_a_case() -> None:
    assert {case.kind for case in CASES} == {rule.name for rule in RULES}


def test_each_rule_is_in_the_docs_in_their_order() -> None:
    page = Path(__file__).parents[3].joinpath("docs", "lint.md").read_text(encoding="utf-8")
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == [
        rule.name for rule in RULES
    ]


def test_blocks_as_long_as_they_are_skip_nothing(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "bootloader", block_size=BlockSize.WLENGTH)).idle()
    with Adviser(host.port) as adviser:
        host.set_address(FLASH)
        host.abort()
        for number in range(4):
            host.upload(2 + number, 64)
    assert adviser.findings == {}


def test_an_abort_in_dfuerror_is_right_where_the_chip_takes_it(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "bootloader", abort_in_error=AbortInError.IDLE)).idle()
    with Adviser(host.port) as adviser:
        host.dfu(Request.UPLOAD, 2, 4096)
        host.abort()
    assert list(adviser.findings) == ["long-block"]


def test_a_block_that_was_aborted_is_no_part_of_the_next_run(plug: Plug) -> None:
    host = plug().idle()
    with Adviser(host.port) as adviser:
        host.upload(2, 64)
        host.abort()
        host.upload(3, 64)
    assert adviser.findings == {}


def test_writing_what_is_there_already_spoils_nothing(plug: Plug) -> None:
    host = plug().idle()
    host.write(FLASH, b"same")
    with Adviser(host.port) as adviser:
        assert host.write(FLASH, b"same").bStatus is Status.OK
    assert adviser.findings == {}


def test_an_erase_that_failed_is_tried_again_rightly(plug: Plug) -> None:
    host = plug().idle()
    with Adviser(host.port) as adviser:
        host.dnload(0, b"\x41\x00\x00\x00\x08")
        host.abort()
        host.erase(FLASH)
    assert list(adviser.findings) == ["missing-getstatus"]
