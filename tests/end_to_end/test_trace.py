"""The traces of real host tools, and what tshark, which is Wireshark without windows, makes of them."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from itertools import compress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conftest import require
from dfu_emulator.trace import Output
from dfu_protocol import State
from emulator.host import FLASH, TRANSFER_SIZE
from end_to_end.conftest import TIME_LIMIT, Emulator

DOWNLOAD = "dfu-util -a 0 -s 0x08000000:leave -D firmware"
UPLOAD = "dfu-util -a 0 -s 0x08000000:5000 -U back"
FILES = ("--trace-json", "trace.json", "--pcap", "trace.pcapng")
FIELDS = ("response", "command", "block_number", "state", "status", "poll_timeout")
ONE_REQUEST = "import usb.core; usb.core.find(idVendor=0x0483).ctrl_transfer(0x21, 4, 0, 0, None)"

# It does not wait for a writer, but ends once one has closed the pipe.
READER = """
import os, select, sys
pipe = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
print("open", flush=True)
poll = select.poll()
poll.register(pipe, select.POLLIN)
poll.poll()
os.set_blocking(pipe, True)
with open(pipe) as stream:
    print(stream.read())
"""


@pytest.fixture
def tshark(tmp_path: Path) -> str:
    """The command; a failing one fails the test."""
    require("tshark")
    return "tshark"


def dissected(tshark: str, capture: Path) -> list[Mapping[str, str]]:
    """The packets that it takes for DFU, by its fields."""
    shown = [argument for field in FIELDS for argument in ("-e", f"usbdfu.{field}")]
    chosen = ("-Y", "usbdfu.command || usbdfu.response")
    done = subprocess.run(
        [tshark, "-r", str(capture), "-d", "usb.product==0x0483df11,usbdfu", *chosen, "-T", "fields", *shown],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def json_trace(file: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def requests(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in trace if line.get("type") == "class"]


@pytest.mark.usefixtures("dfu_util")
def test_tshark_sees_what_the_json_trace_says(chip: Emulator, tmp_path: Path, tshark: str) -> None:
    (tmp_path / "firmware").write_bytes(os.urandom(5000))
    done = chip(f"{DOWNLOAD} && {UPLOAD}", *FILES)
    assert done.code == 0, done.output
    packets = dissected(tshark, tmp_path / "trace.pcapng")
    submitted = [packet for packet in packets if not packet["response"]]
    completed = [packet for packet in packets if packet["response"]]
    said = requests(json_trace(tmp_path / "trace.json"))
    numbers = [str(line["setup"]["bRequest"]) for line in said]
    assert [packet["command"] for packet in submitted] == numbers
    # tshark 4.0 calls a DNLOAD of no data malformed, and takes its answer for that to the request before.
    known = [line.get("command") != "leave" for line in said]
    assert len(completed) == len(said)
    assert list(compress((packet["response"] for packet in completed), known)) == list(
        compress(numbers, known)
    )
    assert [packet["block_number"] for packet in submitted] == [str(line.get("block", "")) for line in said]
    replies = [line.get("reply") for line in said]
    states = {state.label: str(int(state)) for state in State}
    assert [packet["state"] for packet in completed] == [
        states[reply["bState"]] if reply else "" for reply in replies
    ]
    assert [packet["poll_timeout"] for packet in completed] == [
        str(reply["bwPollTimeout"]) if reply else "" for reply in replies
    ]


@pytest.mark.usefixtures("dfu_util")
def test_the_effects_of_a_download_are_the_download(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "firmware").write_bytes(os.urandom(5000))
    assert chip(DOWNLOAD, *FILES).code == 0
    trace = json_trace(tmp_path / "trace.json")
    effects = [effect for line in trace if "job" in line for effect in line["job"]["effects"]]
    blocks = [(0, TRANSFER_SIZE), (TRANSFER_SIZE, TRANSFER_SIZE), (2 * TRANSFER_SIZE, 904)]
    assert effects == [
        {"action": "erase", "address": FLASH, "length": 0x4000},
        *({"action": "write", "address": FLASH + offset, "length": length} for offset, length in blocks),
    ]
    assert [line["event"] for line in trace if line["event"] != "transfer"][:2] == ["attached", "detached"]


@pytest.mark.usefixtures("dfu_util")
def test_what_is_left_of_a_killed_emulator_can_be_read(tmp_path: Path, tshark: str) -> None:
    kill = f"{shlex.join([sys.executable, '-c', ONE_REQUEST])}; kill -KILL $PPID"
    command = ["exec", "--profile", "stm32f405", *FILES, "--", "sh", "-c", kill]
    process = subprocess.run(
        [sys.executable, "-m", "dfu_emulator", *command], cwd=tmp_path, timeout=TIME_LIMIT, check=False
    )
    assert process.returncode == -signal.SIGKILL
    packets = dissected(tshark, tmp_path / "trace.pcapng")
    assert [(packet["command"], packet["response"]) for packet in packets] == [("4", ""), ("", "4")]
    assert [line["request"] for line in requests(json_trace(tmp_path / "trace.json"))] == ["DFU_CLRSTATUS"]


@pytest.mark.parametrize("flag", ["--trace-json", "--pcap"])
def test_a_file_that_cannot_be_opened(chip: Emulator, flag: str) -> None:
    done = chip("true", flag, "/no/such/folder/x")
    message = "dfu-emulator: /no/such/folder/x: cannot be opened for the trace: No such file or directory\n"
    assert (done.code, done.stderr) == (2, message)


@pytest.mark.parametrize("flag", ["--trace-json", "--pcap"])
def test_a_full_disk_is_told_and_does_no_other_harm(chip: Emulator, flag: str) -> None:
    done = chip(shlex.join([sys.executable, "-c", ONE_REQUEST]), flag, "/dev/full")
    message = "dfu-emulator: /dev/full: the trace ends early: No space left on device\n"
    assert (done.code, done.stderr) == (0, message)


@pytest.mark.parametrize(
    "arguments",
    [
        ("exec", "--image", "odd.bin", "--", "true"),
        ("exec", "--rdp", "2", "--", "true"),
        ("lint", "--image", "odd.bin", "--", "true"),
        ("vm", "--image", "odd.bin", "--", "true"),
        ("run", "--image", "odd.bin"),
        ("run", "--udc", "there-is-none"),
        ("exec", "--trace-json", "/no/such/folder/x", "--", "true"),
        ("exec", "--trace-json", ".", "--", "true"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_costs_no_old_trace(
    emulator: Emulator, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "odd.bin").write_bytes(b"odd")
    for trace in ("old", "older"):
        (tmp_path / trace).write_bytes(b"precious")
    command, *rest = arguments
    done = emulator(command, "--profile", "stm32f107", "--trace", "old", "--pcap", "older", *rest)
    assert done.code == 2, done.output
    assert [(tmp_path / trace).read_bytes() for trace in ("old", "older")] == [b"precious"] * 2


@pytest.mark.parametrize(
    ("chip", "key", "name"),
    [
        ("profile: ./own.yaml", "profile", "./own.yaml"),
        ("profile: stm32f405, image: a.bin", "image", "a.bin"),
        ("profile: stm32f405, scenario: ./s.yaml", "scenario", "./s.yaml"),
    ],
    ids=["profile", "image", "scenario"],
)
def test_a_trace_overwrites_no_file_of_a_farm(
    emulator: Emulator, tmp_path: Path, chip: str, key: str, name: str
) -> None:
    folder = tmp_path / "farm"
    folder.mkdir()
    (folder / "own.yaml").write_text("extends: stm32f405\n")
    (folder / "s.yaml").write_text("start: {rdp: 1}\n")
    (folder / "farm.yaml").write_text(f"chips: [{{{chip}}}]\n")
    done = emulator("run", "--farm", "farm/farm.yaml", "--pcap", f"farm/{name}")
    first = f"chips.0.{key} of farm/farm.yaml"
    assert done.code == 2
    assert done.stderr == f"dfu-emulator: {first} and --pcap both name farm/{name}: they need a file each\n"


def test_vm_says_at_once_that_a_file_cannot_be_opened(emulator: Emulator) -> None:
    done = emulator("vm", "--pcap", "/no/such/folder/x", "--", "true")
    message = "dfu-emulator: /no/such/folder/x: cannot be opened for the trace: No such file or directory\n"
    assert (done.code, done.stderr) == (2, message)


def test_two_names_of_one_file_take_one_trace(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    done = chip("true", "--trace", "one", "--pcap", "two")
    assert (done.code, done.stderr) == (
        2,
        "dfu-emulator: two: another trace goes to this file; name another\n",
    )


@pytest.mark.parametrize("name", ["pipe", "/dev/null"])
def test_vm_takes_no_trace_that_is_no_regular_file(emulator: Emulator, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = emulator("vm", "--trace", name, "--", "true")
    message = f"dfu-emulator: {name}: is no regular file, and so does not reach the emulator; name one\n"
    assert (done.code, done.stderr) == (2, message)


@pytest.mark.parametrize("flag", ["--trace", "--trace-json", "--pcap"])
def test_vm_refuses_the_trace_of_another_emulator(emulator: Emulator, tmp_path: Path, flag: str) -> None:
    with Output(str(tmp_path / "trace"), print) as output:
        output.write(b"precious")
        done = emulator("vm", flag, "trace", "--", "true")
    message = f"dfu-emulator: {tmp_path / 'trace'}: another trace goes to this file; name another\n"
    assert (done.code, done.stderr) == (2, message)
    assert (tmp_path / "trace").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_colours_are_for_a_terminal_that_has_them(
    tmp_path: Path, environment: dict[str, str], coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "dfu_emulator", "exec", "--profile", "stm32f405", "--trace", "--", "true"],
        cwd=tmp_path,
        env=os.environ | environment,
        stderr=theirs,
        timeout=TIME_LIMIT,
        check=True,
    )
    said = os.read(ours, 10_000)
    for end in (ours, theirs):
        os.close(end)
    assert b"the device is on the bus" in said
    assert (b"\x1b[" in said) is coloured


def test_a_file_has_no_colours(chip: Emulator, tmp_path: Path) -> None:
    assert chip("true", "--trace", "trace.txt").code == 0
    assert "\x1b" not in (tmp_path / "trace.txt").read_text()


def test_a_pipe_is_opened_once(chip: Emulator, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", READER, str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        assert chip("true", "--trace", str(pipe)).code == 0
        seen, _ = reader.communicate(timeout=TIME_LIMIT)
    assert "the device is on the bus" in seen
