"""Capture files of all kinds, read as what they were made from; tshark reads them so, too."""

import gzip
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import require
from dfu_emulator.profile import Profile, load
from dfu_emulator.replay import Capture, CaptureError, find_session, parse_capture, read_capture, replay
from dfu_emulator.replay.records import ControlTransfer, Outcome, Record, paired
from dfu_emulator.replay.steps import Arrival, Reset, Step
from dfu_emulator.trace import JsonWriter, Output, PcapWriter
from dfu_protocol import Request, SetupPacket
from emulator.host import CONFIGURE, Host, plugged
from emulator.replay import scripts
from emulator.replay.files import (
    USBMON,
    USBMON_MMAPPED,
    USBPCAP,
    Packet,
    pcap,
    pcapng,
    transfers,
    usbmon,
    usbpcap,
)
from emulator.replay.recorder import found as differences
from emulator.replay.recorder import recorded

Make = Callable[[list[Step]], bytes]
FILES: dict[str, Make] = {
    "usbmon pcap": lambda steps: pcap(usbmon(steps), USBMON_MMAPPED),
    "usbmon pcap, nanoseconds": lambda steps: pcap(usbmon(steps), USBMON_MMAPPED, nanoseconds=True),
    "usbmon pcap, big-endian": lambda steps: pcap(usbmon(steps, ">"), USBMON_MMAPPED, ">"),
    "usbmon pcap, 48 bytes": lambda steps: pcap(usbmon(steps, link_type=USBMON), USBMON),
    "usbmon pcap, 48 bytes, big-endian": lambda steps: pcap(usbmon(steps, ">", USBMON), USBMON, ">"),
    "usbmon pcapng": lambda steps: pcapng(usbmon(steps), USBMON_MMAPPED),
    "usbmon pcapng, nanoseconds": lambda steps: pcapng(usbmon(steps), USBMON_MMAPPED, nanoseconds=True),
    "usbmon pcapng, big-endian": lambda steps: pcapng(usbmon(steps, ">"), USBMON_MMAPPED, ">"),
    "usbmon pcapng, 48 bytes": lambda steps: pcapng(usbmon(steps, link_type=USBMON), USBMON),
    "USBPcap pcap": lambda steps: pcap(usbpcap(steps), USBPCAP),
    "USBPcap pcapng": lambda steps: pcapng(usbpcap(steps), USBPCAP),
    "USBPcap of old": lambda steps: pcap(usbpcap(steps, old=True), USBPCAP),
}
SINCE_1970 = 1_700_000_000_000_000
NO_CAPTURE = "no capture: neither pcap nor pcapng (of usbmon or USBPcap) nor a --trace-json file"


@pytest.fixture(scope="module")
def steps(f405: Profile) -> list[Step]:
    """A session with all kinds of answers."""

    def script(host: Host) -> None:
        scripts.enumerate_it(host)
        scripts.stumble(host)
        scripts.download(host, 3000)
        scripts.upload(host, size=3000)

    found = transfers(recorded(f405, script))
    found[-4] = replace(found[-4], outcome=Outcome.NO_ANSWER, data=b"", took=5_000_000)
    found[-1] = replace(found[-1], outcome=Outcome.FAILED, data=b"")
    return [replace(transfer, at=transfer.at + SINCE_1970) for transfer in found]


def contents(steps: list[Step]) -> list[tuple[object, ...]]:
    """Transfers without their numbers, which count the packets of a file."""
    return [
        (found.at, found.place, found.setup, found.data, found.outcome, found.took)
        for found in transfers(steps)
    ]


@pytest.mark.parametrize("make", FILES.values(), ids=FILES.keys())
def test_each_kind_of_file(steps: list[Step], make: Make) -> None:
    capture = parse_capture(make(steps))
    assert capture.unit == "packet"
    assert contents(capture.steps) == contents(steps)
    assert not any(isinstance(step, ControlTransfer) and step.missing for step in capture.steps)


@pytest.mark.parametrize("make", FILES.values(), ids=FILES.keys())
def test_tshark_reads_the_same(steps: list[Step], make: Make, tmp_path: Path) -> None:
    require("tshark")
    (tmp_path / "capture").write_bytes(make(steps))
    fields = ("usb.device_address", "usbdfu.command", "usbdfu.state", "usbdfu.status")
    shown = [argument for field in fields for argument in ("-e", field)]
    wanted = ("-Y", "usbdfu.command || usbdfu.state", "-d", "usb.product==0x0483df11,usbdfu")
    command = ["tshark", "-r", str(tmp_path / "capture"), *wanted, "-T", "fields", *shown]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    seen = [line.split("\t") for line in done.stdout.splitlines()]
    read = [found for found in transfers(parse_capture(make(steps)).steps) if found.setup.type == 1]
    commands = [(int(address), int(command)) for address, command, _, _ in seen if command]
    assert commands == [(found.address, found.setup.bRequest) for found in read]
    told = [(int(status, 0), int(state, 0)) for _, _, state, status in seen if status]
    answers = [found.data for found in read if found.setup.bRequest == Request.GETSTATUS]
    assert told == [(data[0], data[4]) for data in answers]


@pytest.mark.parametrize(("writer", "unit"), [(PcapWriter, "packet"), (JsonWriter, "line")])
def test_the_emulators_own_files(
    f405: Profile, tmp_path: Path, writer: type[PcapWriter] | type[JsonWriter], unit: str
) -> None:
    path = tmp_path / "trace"
    with Output(str(path), print) as output, plugged(f405, watchers=(writer(output),)) as host:
        host.idle()
        host.port.give_up(CONFIGURE, 0, host.port.address, reached=False)
        host.start_reset(b"\x92")
        host.wait_for_return()
        host.port.reset_and_restore()
        expected = host.port.device.device_descriptor
    capture = read_capture(path)
    assert capture.unit == unit
    requests = [step.setup.bRequest for step in transfers(capture.steps) if step.setup.type == 1]
    assert requests == [3, 4, 3, 6, 3, 1, 3]
    if unit == "line":
        arrivals = [step for step in capture.steps if isinstance(step, Arrival)]
        assert [(step.address, step.device_descriptor) for step in arrivals] == [(2, expected), (3, expected)]
        assert [step.place for step in capture.steps if isinstance(step, Reset)] == [(1, 3)]


@pytest.mark.parametrize("chip", ["stm32f072", "stm32h743"])
def test_the_emulators_own_files_tell_the_same_of_a_chip(f405: Profile, tmp_path: Path, chip: str) -> None:
    """Nobody has asked for the descriptors: they were there when the chip came."""
    names = [str(tmp_path / name) for name in ("packets", "lines")]
    with Output(names[0], print) as packets, Output(names[1], print) as lines:
        watchers = (PcapWriter(packets), JsonWriter(lines))
        with plugged(f405, timing="real", watchers=watchers) as host:
            scripts.download(host)
    profile = load(chip)
    of_packets, of_lines = (
        replay(find_session(read_capture(Path(name)), 0x0483, 0xDF11), profile) for name in names
    )
    assert differences(of_packets) == differences(of_lines)
    assert of_packets.transfers == of_lines.transfers
    told = differences(of_lines)
    assert ("interface descriptors", "4", str(len(profile.alternates)), ("alternates",)) in told
    if chip == "stm32h743":
        assert ("bcdDevice", "0x2200", "0x0200", ("usb.bcdDevice",)) in told
        assert ("DFU functional wTransferSize", "0x0800", "0x0400", ("dfu.wTransferSize",)) in told


def test_a_configuration_is_compared_as_a_whole_where_the_captured_one_is_shorter(f405: Profile) -> None:
    """Linux asks for as much as the captured chip has: the emulated one's is cut off there."""
    short = load("stm32h743")

    def script(host: Host) -> None:
        host.get_status()
        length = len(host.port.device.configuration_descriptor)
        host.port.control(SetupPacket(0x80, 6, 0x0200, 0, length))

    told = differences(replay(find_session(Capture(recorded(short, script), "packet"), 0x0483, 0xDF11), f405))
    assert ("interface descriptors", str(len(short.alternates)), "4", ("alternates",)) in told
    assert ("DFU functional wTransferSize", "0x0400", "0x0800", ("dfu.wTransferSize",)) in told


def test_a_device_gets_its_address(steps: list[Step]) -> None:
    """SET_ADDRESS to address 0, as a host controller driver sends it: a second one is after a reset."""
    (first, *_) = transfers(steps)
    setup = SetupPacket(0x00, 5, 2)
    change = replace(first, setup=setup, address=0, data=b"")
    capture = parse_capture(pcap(usbmon([change, first, change]), USBMON_MMAPPED))
    assert [type(step) for step in capture.steps] == [Arrival, ControlTransfer, Reset]
    assert {step.place for step in capture.steps} == {(1, 2)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no capture: neither pcap nor pcapng (of usbmon or USBPcap) nor a --trace-json file"),
        (
            b"\x7fELF\x01",
            "no capture: neither pcap nor pcapng (of usbmon or USBPcap) nor a --trace-json file",
        ),
        (gzip.compress(pcap([], USBMON), mtime=0), "compressed: unpack it with gunzip first"),
        (b"\x28\xb5\x2f\xfd\x24", "compressed: unpack it with unzstd first"),
        (pcap([], USBMON)[:20], "cut short: no capture file is so small"),
        (b"{}\n", "line 1 is no line of a trace: Object missing required field `time`"),
    ],
)
def test_what_is_no_capture(content: bytes, message: str) -> None:
    with pytest.raises(CaptureError) as caught:
        parse_capture(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "link_type", "length"),
    [(usbmon, USBMON_MMAPPED, 64 + 100), (usbpcap, USBPCAP, 28 + 8 + 100)],
    ids=["usbmon", "USBPcap"],
)
@pytest.mark.parametrize("is_in", [False, True])
def test_packets_that_were_not_captured_whole(
    steps: list[Step], make: Callable[[list[Step]], list[Packet]], link_type: int, length: int, is_in: bool
) -> None:
    """Of 2048 bytes there are 100, or 8 more where USBPcap's packet has no SETUP packet in it."""
    (block, *_) = [
        step for step in transfers(steps) if step.setup.wLength == 2048 and step.setup.is_in == is_in
    ]
    packets = [Packet(at, data[:length]) for at, data in make([block])]
    (found,) = transfers(parse_capture(pcap(packets, link_type)).steps)
    assert found.missing == 2048 - len(found.data)
    assert len(found.data) in (100, 108)
    with pytest.raises(CaptureError, match="packet 1 is not in it as a whole"):
        find_session(Capture([found], "packet"), 0x0483, 0xDF11, found.place)


def test_ends_without_starts_and_starts_without_ends() -> None:
    """Numbers of transfers are used again."""
    setup = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
    start = Record(1, 10, 1, 5, identity=7, setup=setup)
    end = Record(2, 30, 1, 5, identity=7, data=bytes(6), ended=Outcome.ANSWERED)
    found = paired([end, start, start._replace(number=3, at=20), end, start._replace(number=5, at=40)])
    assert [(transfer.number, transfer.outcome, transfer.took) for transfer in found] == [
        (1, Outcome.NO_ANSWER, None),
        (3, Outcome.ANSWERED, 10),
        (5, Outcome.NO_ANSWER, None),
    ]
