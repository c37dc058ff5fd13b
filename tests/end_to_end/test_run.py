"""``dfu-emulator run``: what it serves, what it says, how it ends."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from dfu_emulator.transports.usbip import UsbipServer
from dfu_protocol import Request, SetupPacket
from emulator.host import CONFIGURE
from emulator.transports.usbip.client import Address, Imported, device_list
from end_to_end.conftest import TIME_LIMIT, Emulator

F405 = ("--profile", "stm32f405")
USBIP = ("run", "--transport", "usbip")
ANYWHERE = ("--listen", "127.0.0.1:0")
SERIAL_NUMBER = SetupPacket(0x80, 6, 0x0303, 0x0409, 255)


class Running:
    """A ``dfu-emulator run`` that serves."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith("stop with"):
                break

    @property
    def address(self) -> Address:
        found = re.fullmatch(r"USB/IP on (\S+) port (\d+)", self.said[0])
        assert found is not None, self.said
        return found[1], int(found[2])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what went to the standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=TIME_LIMIT)
        return self.process.returncode, errors


Run = Callable[..., Running]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with ExitStack() as stack:

        def start(*arguments: str, command: tuple[str, ...] = USBIP, stdin: int | None = None) -> Running:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "dfu_emulator", *command, *ANYWHERE, *arguments],
                    cwd=tmp_path,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return Running(process)

        yield start


def serial_number(address: Address, busid: str) -> str:
    with Imported(address, busid) as device:
        return (device.control(SERIAL_NUMBER) or b"")[2:].decode("utf-16-le")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serves_until_a_signal(run: Run, number: int) -> None:
    running = run(*F405)
    assert len(device_list(running.address)) == 1
    with Imported(running.address) as device:
        assert running.stop(number) == (0, "")
        assert device.rest() == b""


def test_says_what_it_serves_and_how_to_attach(run: Run) -> None:
    running = run(*F405)
    port = running.address[1]
    assert running.said == [
        f"USB/IP on 127.0.0.1 port {port}",
        "  1-1  STM32F405RG, serial number 325E35633334",
        f"       sudo modprobe vhci-hcd && sudo usbip --tcp-port {port} attach -r 127.0.0.1 -b 1-1",
        "stop with Ctrl-C",
    ]


@pytest.mark.parametrize("chips", [F405, (*F405, *F405)], ids=["one", "two"])
def test_where_usbip_is_to_listen_it_is_taken(run: Run, chips: tuple[str, ...]) -> None:
    running = run(*chips, command=("run",))
    assert len(device_list(running.address)) == len(chips) // 2
    assert running.stop() == (0, "dfu-emulator: taking usbip\n")


def test_for_a_controller_usbip_is_not_taken(emulator: Emulator) -> None:
    done = emulator("run", *F405, "--udc", "there-is-none")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("dfu-emulator: not raw-gadget")
    assert done.stderr.endswith("('dfu-emulator doctor' says what helps)\n")


def test_flags_of_different_transports(emulator: Emulator) -> None:
    done = emulator("run", *F405, *ANYWHERE, "--udc", "dummy_udc.0")
    assert done.code == 2
    assert done.stderr == (
        "dfu-emulator: --listen is for usbip and --udc for the others: say which with --transport\n"
    )


def test_several_profiles_are_several_chips(run: Run) -> None:
    running = run(*F405, *F405)
    assert [device.busid for device in device_list(running.address)] == ["1-1", "1-2"]
    assert serial_number(running.address, "1-1") == "325E35633334"
    assert serial_number(running.address, "1-2") == "325E35643334"


def test_changes_of_the_profile_are_of_all_chips(run: Run) -> None:
    running = run(*F405, *F405, "--set", "usb.serial=fixed", "--set", "usb.fixed_serial=SAME")
    assert [serial_number(running.address, f"1-{n}") for n in (1, 2)] == ["SAME", "SAME"]


def test_chip_options(run: Run, tmp_path: Path) -> None:
    running = run(*F405, "--image", "flash.bin", "--serial", "MINE", "--rdp", "1")
    assert serial_number(running.address, "1-1") == "MINE"
    assert (tmp_path / "flash.bin").stat().st_size == 1 << 20


def test_a_chip_without_a_bootloader(run: Run) -> None:
    running = run(*F405, "--rdp", "2")
    assert device_list(running.address) == []
    assert running.said[2].strip() == "at read protection level 2 the bootloader never runs: no device"


def test_a_farm(run: Run, tmp_path: Path) -> None:
    (tmp_path / "farm.yaml").write_text(
        "chips:\n- {profile: stm32f405, serial: ONE, image: one.bin}\n- {profile: stm32f405, serial: TWO}\n"
    )
    running = run("--farm", "farm.yaml")
    assert [serial_number(running.address, f"1-{n}") for n in (1, 2)] == ["ONE", "TWO"]
    assert (tmp_path / "one.bin").exists()


@pytest.mark.parametrize("options", [(), ("--trace",), ("--pcap", "pcap")], ids=["untraced", "trace", "file"])
def test_a_farm_that_can_be_read_only_once(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"chips: [{profile: stm32f405, serial: ONE}]")
    os.close(theirs)
    running = run("--farm", "/dev/stdin", *options, stdin=ours)
    os.close(ours)
    assert serial_number(running.address, "1-1") == "ONE"


def test_trace_of_several_chips_names_them(run: Run) -> None:
    running = run(*F405, *F405, "--trace")
    with Imported(running.address, "1-2") as device:
        assert device.control(CONFIGURE) == b""
        assert device.control(SetupPacket.dfu(Request.CLRSTATUS)) == b""
    code, errors = running.stop()
    lines = [line.split(maxsplit=2) for line in errors.splitlines()]
    assert (code, {line[0] for line in lines}) == (0, {"1-1", "1-2"})
    assert [line[2] for line in lines[:2]] == ["the device is on the bus"] * 2
    assert (lines[-1][0], lines[-1][2].split()) == ("1-2", ["DFU_CLRSTATUS", "dfuERROR", "->", "dfuIDLE"])


def test_traces_of_several_chips_number_them(run: Run, tmp_path: Path) -> None:
    running = run(*F405, *F405, "--trace-json", "trace.json", "--pcap", "trace.pcapng")
    with Imported(running.address, "1-2") as device:
        assert device.control(CONFIGURE) == b""
    assert running.stop() == (0, "")
    lines = [msgspec.json.decode(line) for line in (tmp_path / "trace.json").read_bytes().splitlines()]
    assert [(line["chip"], line["event"]) for line in lines] == [
        (1, "attached"),
        (2, "attached"),
        (2, "bus reset"),
        (2, "transfer"),
    ]
    assert (tmp_path / "trace.pcapng").read_bytes().startswith(b"\x0a\x0d\x0d\x0a")


def test_advice_names_the_chip(run: Run) -> None:
    running = run(*F405, *F405, "--advice")
    with Imported(running.address, "1-2") as device:
        assert device.control(CONFIGURE) == b""
        device.control(SetupPacket.dfu(Request.ABORT))
    code, errors = running.stop()
    assert code == 0
    assert errors.startswith("1-2  advice: ABORT was sent in dfuERROR. ")
    assert errors.count("\n") == 1


def test_trace_of_one_chip_is_as_that_of_exec(run: Run, tmp_path: Path) -> None:
    running = run(*F405, "--trace", "trace.txt")
    assert running.stop() == (0, "")
    (line,) = (tmp_path / "trace.txt").read_text().splitlines()
    assert line.split(maxsplit=1) == ["0.000000", "the device is on the bus"]


def test_a_port_in_use_is_one_sentence_and_costs_no_old_trace(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"that of the emulator that has the port")
    with UsbipServer([], port=0) as server:
        place = f"127.0.0.1:{server.address[1]}"
        done = emulator(*USBIP, *F405, "--listen", place, "--trace-json", "old")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == f"dfu-emulator: cannot listen on {place}: Address already in use\n"
    assert (tmp_path / "old").read_bytes() == b"that of the emulator that has the port"


@pytest.mark.parametrize("option", [("--image", "a.bin"), ("--serial", "A"), ("--uid", "1" * 24)])
@pytest.mark.parametrize("chips", [(*F405, *F405), ("--farm", "farm.yaml")], ids=["profiles", "farm"])
def test_options_of_one_chip(
    emulator: Emulator, tmp_path: Path, chips: tuple[str, ...], option: tuple[str, str]
) -> None:
    (tmp_path / "farm.yaml").write_text("chips: [{profile: stm32f405}]")
    done = emulator(*USBIP, *ANYWHERE, *chips, *option)
    assert done.code == 2
    flag = option[0]
    advice = f"for several, write the key '{flag[2:]}' into a --farm file"
    assert done.stderr == f"dfu-emulator: {flag} is one chip's: {advice}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the arguments --profile --farm is required"),
        ([*F405, "--farm", "farm.yaml"], "not allowed with argument"),
        ([*F405, "--listen", "3240"], "expected HOST:PORT, like 127.0.0.1:3240, not '3240'"),
        ([*F405, "--listen", "127.0.0.1:65536"], "expected HOST:PORT"),
        ([*F405, "--listen", ":3240"], "expected HOST:PORT"),
        ([*F405, "--serial", "x" * 127], "126 UTF-16 units"),
        (["--farm", "farm.yaml"], "farm.yaml: cannot be read: No such file or directory"),
        (["--profile", "stm32f4005"], "did you mean 'stm32f405'?"),
        ([*F405, "--transport", "usb"], "invalid choice: 'usb'"),
    ],
)
def test_wrong_options(emulator: Emulator, arguments: list[str], message: str) -> None:
    done = emulator(*USBIP, *ANYWHERE, *arguments)
    assert done.code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
