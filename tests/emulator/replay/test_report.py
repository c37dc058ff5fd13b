"""The report, for people and for programs."""

from typing import Any

import pytest

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import ClrStatus, FirstContact, SerialRule
from dfu_emulator.replay import Report, as_json, as_text, replay
from dfu_emulator.scenario import Scenario
from dfu_emulator.scenario import Start as Conditions
from dfu_protocol import SetupPacket
from emulator.chips import stm32f405
from emulator.host import Host, variant
from emulator.replay import scripts
from emulator.replay.recorder import Script, recorded, session_of


def session(host: Host) -> None:
    host.idle()
    host.clear_status()
    host.get_status()
    scripts.download(host, 4096)
    scripts.upload(host, 0x08004000, 64)


@pytest.fixture
def report(f405: Profile) -> Report:
    """Of a chip that an earlier host has left in dfuIDLE, with another erase and another CLRSTATUS."""
    chip = variant(f405, "timing.poll_timeout", erase=50)
    chip = variant(chip, "bootloader", clrstatus=ClrStatus.IGNORE, first_contact=FirstContact.IDLE)
    found = session_of(recorded(chip, session))
    return Report("capture.pcapng", "packet", f405, found, replay(found, f405))


def test_for_people(report: Report) -> None:
    first, *_ = text = list(as_text(report))
    assert first == "capture.pcapng against stm32f405 (STM32F405RG); the chip is device 1.2"
    for line in (
        "  64 bytes of its memories held at the start what the host read of them later",
        "  in dfuIDLE when the capture began",
        "packet 8, 0.000 s: DFU_GETSTATUS after DFU_CLRSTATUS",
        "  bState: the captured chip dfuIDLE, the emulator dfuERROR",
        "  in the profile: bootloader.clrstatus",
        "  bwPollTimeout: the captured chip 50 ms, the emulator 100 ms",
        "packet 8: the emulated chip was put where the captured one was: dfuIDLE",
        "replay: 2 kinds of difference",
    ):
        assert line in text
    assert len([line for line in text if "was put" in line]) == 1


def test_for_programs(report: Report) -> None:
    told: dict[str, Any] = as_json(report)
    assert (told["capture"], told["unit"], told["devices"]) == ("capture.pcapng", "packet", ["1.2"])
    assert told["equal"] + told["different"] + told["not_compared"] == told["transfers"]
    assert told["at_start"] == {
        "serial": "325E35633334",
        "scenario": None,
        "rdp": 0,
        "bytes_known_from_the_capture": 64,
        "state": "dfuIDLE",
    }
    _, erase = told["differences"]
    assert erase["answers"] == [{"aspect": "bwPollTimeout", "captured": "50 ms", "emulator": "100 ms"}]
    assert erase["profile_keys"] == ["timing.poll_timeout.erase"]
    assert erase["of_the_chip"] == ""
    assert erase["request"] == "DFU_GETSTATUS after DFU_DNLOAD Erase 0x08000000"


def test_kinds_are_told_once(f405: Profile) -> None:
    """Blocks differ in their places and bytes, and are of one kind; 4 of them are named."""

    def script(host: Host) -> None:
        scripts.download(host, 10240)

    chip = variant(f405, "timing.poll_timeout", write=9)
    found = session_of(recorded(chip, script))
    result = replay(found, f405)
    text = list(as_text(Report("x", "line", f405, found, result)))
    assert len(result.differences) == 5
    assert "replay: 1 kind of difference" in text
    (others,) = (line for line in text if "more of the kind" in line)
    assert others.startswith("  4 more of the kind: lines ")


def ask_for_serial(host: Host) -> None:
    host.get_status()
    host.port.control(SetupPacket(0x80, 6, 0x0303, 0x0409, 255))


def header(profile: Profile, script: Script) -> str:
    session = session_of(recorded(stm32f405(), script, serial="385C34733435"))
    _, *lines = as_text(Report("x", "line", profile, session, replay(session, profile)))
    return "\n".join(lines[: lines.index("")])


def test_whose_serial_number_it_is(f405: Profile) -> None:
    fixed = variant(f405, "usb", serial=SerialRule.FIXED, fixed_serial="STM32FxSTM32")
    assert header(f405, ask_for_serial) == "  serial number 385C34733435, as in the capture"
    of_all = "  serial number STM32FxSTM32, as the profile says of all these chips"
    assert header(fixed, ask_for_serial) == header(fixed, Host.get_status) == of_all
    assert header(f405, Host.get_status) == ""


def test_a_reason_that_is_no_key(f405: Profile) -> None:
    """The emulated chip is neither write protected nor worn, the captured one may be."""

    def script(host: Host) -> None:
        scripts.download(host, 4096)
        scripts.upload(host, size=64)

    other = Scenario(set={"protection.wrp": "silent"}, start=Conditions(write_protected=(0,)))
    found = session_of(recorded(f405, script, scenario=other))
    report = Report("x", "packet", f405, found, replay(found, f405))
    reason = "write or read protection, worn flash"
    told: dict[str, Any] = as_json(report)
    (kind,) = told["differences"]
    assert kind["of_the_chip"] == reason
    assert f"  or of this chip at the start (--scenario, --rdp): {reason}" in list(as_text(report))
