"""The rules, each by its cases, and what no rule is about."""

from pathlib import Path

import pytest

from dfu_emulator.advice import RULES, Adviser
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import AbortInError, BlockSize
from dfu_protocol import Request, Status
from emulator.advice.cases import CASES, Case
from emulator.host import FLASH, Host, Plug, variant


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
