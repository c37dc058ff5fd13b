"""How advice is given: once a kind, counted, in full."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.advice import RULES, Advice, Adviser
from dfu_emulator.advice.report import as_json, as_text
from dfu_emulator.emulation import emulated
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile.quirks import QUIRKS
from dfu_emulator.timing import ManualClock
from dfu_protocol import Request, SetupPacket
from emulator.chips import stm32f405
from emulator.host import FLASH, Host, Plug
from emulator.test_random_requests import anything, sensible


def upload_too_soon(host: Host) -> None:
    host.set_address(FLASH)
    host.dfu(Request.UPLOAD, 2, 16)
    host.clear_status()


def test_each_kind_is_told_once_and_counted(host: Host) -> None:
    told: list[Advice] = []
    with Adviser(host.port, told.append) as adviser:
        for _ in range(3):
            upload_too_soon(host)
        host.dfu(Request.UPLOAD, 1, 16)
    assert [advice.kind for advice in told] == ["upload-in-dnload-idle", "reserved-block"]
    assert [finding.count for finding in adviser.findings.values()] == [3, 1]
    assert adviser.requests == 3 * 5 + 1


def test_what_is_left_undone_can_be_asked_for_before_the_end(host: Host) -> None:
    told: list[Advice] = []
    with Adviser(host.port, told.append) as adviser:
        host.dnload(2, bytes(4))
        assert [finding.count for finding in adviser.if_done_now().values()] == [1]
        assert list(adviser.if_done_now()) == ["missing-getstatus"]
        assert (adviser.findings, told) == ({}, [])
        host.clear_status()
        assert adviser.if_done_now()["missing-getstatus"].count == 1
        host.clear_status()
        assert adviser.if_done_now() == adviser.findings


def test_it_is_told_as_it_happens(host: Host) -> None:
    told: list[Advice] = []
    with Adviser(host.port, told.append):
        host.set_address(FLASH)
        assert told == []
        host.dfu(Request.UPLOAD, 2, 16)
        assert len(told) == 1


def test_after_its_context_it_watches_no_more(host: Host) -> None:
    with Adviser(host.port) as adviser:
        pass
    upload_too_soon(host)
    assert adviser.findings == {}


def test_a_line_has_what_why_cure_and_source(host: Host) -> None:
    told: list[Advice] = []
    with Adviser(host.port, told.append):
        upload_too_soon(host)
    assert str(told[0]) == (
        "UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE. Set Address Pointer is a DNLOAD, so like a write "
        "or an erase it leaves the chip in dfuDNLOAD-IDLE, where UPLOAD is not allowed. Send DFU_ABORT "
        "first, which leads to dfuIDLE, then UPLOAD. (DFU 1.1, appendix A; AN3156 on DFU_UPLOAD)"
    )


def test_a_report_for_people(host: Host) -> None:
    host.clock.sleep(500_000)
    with Adviser(host.port) as adviser:
        host.clock.sleep(250_000)
        upload_too_soon(host)
        upload_too_soon(host)
    lines = list(as_text(list(adviser.findings.values())))
    assert lines[:3] == [
        "upload-in-dnload-idle, 2 times",
        "  UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE.",
        "  first:  0.250000  DFU_UPLOAD block 2, 0 of 16 bytes at 0x08000000 STALL "
        "dfuDNLOAD-IDLE -> dfuERROR (errSTALLEDPKT): UPLOAD is not allowed in dfuDNLOAD-IDLE",
    ]
    assert "  here:   CLRSTATUS outside dfuERROR leads into it" in "\n".join(lines)


def test_a_report_for_programs(host: Host) -> None:
    with Adviser(host.port) as adviser:
        host.dnload(2, bytes(4))
    (entry,) = as_json(list(adviser.findings.values()))
    assert entry["kind"] == "missing-getstatus"
    assert entry["count"] == 1
    assert entry["first"] == {"seconds": 0.0, "request": "the host was done"}
    assert set(entry) == {"kind", "count", "title", "why", "on_this_chip", "source", "cure", "first"}


def test_what_is_the_chips_own_follows_its_profile(plug: Plug) -> None:
    host = plug(timing="real").idle()
    with Adviser(host.port) as adviser:
        host.dnload(0, b"\x41")
        host.get_status()
    consequences = adviser.findings["impatient-erase"].first.on_this_chip
    assert any("bwPollTimeout says 100 ms for a mass erase, which takes 16 s" in one for one in consequences)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_quirks_of_rules_exist(rule: object) -> None:
    assert set(getattr(rule, "quirks", ())) <= {quirk.word for quirk in QUIRKS}


@settings(max_examples=300)
@given(st.lists(anything | sensible, max_size=60), st.sampled_from([0, 1]), st.sampled_from(["fast", "real"]))
def test_no_conversation_is_too_strange(
    packets: list[tuple[SetupPacket, bytes]], rdp: int, timing: str
) -> None:
    """Whatever is sent, the adviser keeps up, and the chip answers as without it."""
    with (
        emulated(stm32f405(), clock=ManualClock(), rdp=rdp, timing=timing) as port,
        emulated(stm32f405(), clock=ManualClock(), rdp=rdp, timing=timing) as alone,
    ):
        port.configure()
        alone.configure()
        with Adviser(port) as adviser:
            for setup, data in packets:
                try:
                    reply = port.control(setup, data)
                except DeviceGone:
                    break
                assert reply == alone.control(setup, data)
        assert all("{" not in str(finding.first) for finding in adviser.findings.values())
