"""``dfu-emulator run --ui`` in a terminal, flashed over USB/IP."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_protocol import Request
from emulator.host import FLASH, OPTION_BYTES
from emulator.transports.usbip.client import Failed, Imported, RemoteHost
from end_to_end.conftest import TIME_LIMIT, Emulator
from end_to_end.terminal import CURSOR_OFF, CURSOR_ON, FIRST_SCREEN, OTHER_SCREEN, Terminal

COMMAND = ("run", "--transport", "usbip", "--listen", "127.0.0.1:0", "--ui")
F405 = ("--profile", "stm32f405")
TWICE = (*F405, *F405)
FIRST_ROW, SECOND_ROW = "0x08000000  ", "0x08020000  "
DRAWN = r"waiting for a host(.*\n)*.*Ctrl-C stops"
"""The whole of the first picture."""

Show = Callable[..., Terminal]


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    """``show(*arguments)`` runs the command in a terminal of 80 columns and 24 lines."""
    with ExitStack() as stack:

        def start(*arguments: str, columns: int = 80, lines: int = 24, **environment: str) -> Terminal:
            command = [sys.executable, "-m", "dfu_emulator", *COMMAND, *arguments]
            kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
            return stack.enter_context(Terminal(command, tmp_path, kept | environment, columns, lines))

        yield start


@contextmanager
def attached(terminal: Terminal, busid: str = "1-1") -> Iterator[RemoteHost]:
    """A host that has imported the chip; the chip in this process stands for it where a test looks."""
    terminal.wait_for(DRAWN)
    (tcp_port,) = re.findall(r"USB/IP on \S+ port (\d+)", terminal.text)
    with emulated("stm32f405") as port, Imported(("127.0.0.1", int(tcp_port)), busid) as imported:
        yield RemoteHost(imported, port)


def test_says_how_to_reach_the_chip(show: Show) -> None:
    terminal = show(*F405)
    terminal.wait_for(DRAWN)
    assert terminal.lines[0].split() == ["STM32F405RG", "325E35633334", "●", "on", "the", "bus"]
    assert re.search(r"1-1 +STM32F405RG, serial number 325E35633334", terminal.text)
    assert "usbip --tcp-port" in terminal.text
    assert "Ctrl-C stops" in terminal.text


def test_shows_the_chip_being_flashed(show: Show) -> None:
    terminal = show(*F405)
    with attached(terminal) as host:
        host.idle()

        def erases() -> bool:
            host.erase(FLASH + 0x20000)
            return set(terminal.cells(SECOND_ROW)[:64]) <= {("•", "brown"), ("•", "brightbrown")}

        def writes() -> bool:
            host.write(FLASH, b"firmware" * 256)
            return terminal.cells(FIRST_ROW)[0] in (("■", "green"), ("■", "brightgreen"))

        # Again and again: what was just done is not to be seen for long.
        terminal.wait_for(erases)
        terminal.wait_for(writes)
        terminal.wait_for(r"dfuDNLOAD-IDLE +OK +Address_Pointer 0x08000000")
        terminal.wait_for(r"DFU_DNLOAD +block 2, 2048 bytes at 0x08000000 +dfuDNLOAD-SYNC")
        terminal.wait_for(lambda: terminal.cells(FIRST_ROW)[:2] == [("■", "blue"), ("·", "default")])
        terminal.wait_for(r"written [\d.]+ [KM]iB +read 0 B +erased [\d.]+ [KM]iB")


def test_shows_what_is_read(show: Show) -> None:
    terminal = show(*F405)
    with attached(terminal) as host:
        host.idle()
        host.read(OPTION_BYTES, 16)
        terminal.wait_for("0x1FFFC000  option bytes    [•·]{16}")
        terminal.wait_for("read 16 B")


def test_shows_advice_and_prints_it_in_the_end(show: Show) -> None:
    terminal = show(*F405)
    with attached(terminal) as host:
        host.idle()
        host.set_address(FLASH)
        host.dfu(Request.UPLOAD, 2, 64)
        terminal.wait_for("▲ UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE.")
        terminal.wait_for("Send DFU_ABORT first, which leads to dfuIDLE, then UPLOAD.")
        terminal.wait_for("dfuERROR +errSTALLEDPKT")
    assert terminal.stop() == 0
    _picture, printed = terminal.output.split(FIRST_SCREEN)
    assert printed.startswith(
        b"advice: UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE. Set Address Pointer is"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_leaves_the_terminal_as_it_was(show: Show, number: int) -> None:
    terminal = show(*F405)
    terminal.wait_for(DRAWN)
    assert terminal.current_settings() != terminal.settings
    assert terminal.stop(number) == 0
    assert terminal.current_settings() == terminal.settings
    before, picture = terminal.output.split(OTHER_SCREEN)
    assert (before, CURSOR_OFF in picture) == (b"", True)
    picture, after = picture.split(CURSOR_ON)
    assert after == FIRST_SCREEN


def test_a_terminal_that_goes_away_takes_no_chip_with_it(tmp_path: Path) -> None:
    """Nothing tells it so: the terminal is not its controlling one."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dfu_emulator", *COMMAND, *F405],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        os.close(slave)
        shown = b""
        while b"Ctrl-C stops" not in shown:
            shown += os.read(master, 65536)
        os.close(master)
        (tcp_port,) = re.findall(rb"USB/IP on \S+ port (\d+)", shown)
        with emulated("stm32f405") as port, Imported(("127.0.0.1", int(tcp_port)), "1-1") as imported:
            host = RemoteHost(imported, port)
            host.idle()
            host.erase(FLASH)  # which would be drawn
            for _ in range(20):
                host.write(FLASH, bytes(64))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=TIME_LIMIT)
    assert (errors, process.returncode) == (b"", 0)


def test_keys(show: Show) -> None:
    terminal = show(*F405)
    terminal.wait_for(DRAWN)
    terminal.type("what is this?\n\x1a")
    terminal.resize(90, 24)
    terminal.wait_for(DRAWN)
    assert "what" not in terminal.text
    terminal.type("\x03")
    assert terminal.wait() == 0
    assert b"^C" not in terminal.output


def test_follows_the_size_of_the_window(show: Show) -> None:
    terminal = show(*F405)
    terminal.wait_for(DRAWN)
    for columns, lines in ((150, 50), (40, 10), (3, 2), (100, 30)):
        terminal.resize(columns, lines)
        terminal.wait_for("STM32F405RG" if columns > 11 else "ST…")
    terminal.wait_for("sectors 0 to 4")


def test_without_colours_letters_tell_what_was_done(show: Show) -> None:
    terminal = show(*F405, NO_COLOR="1")
    with attached(terminal) as host:
        host.idle()

        def erases() -> bool:
            host.erase(FLASH + 0x20000)
            return terminal.cells(SECOND_ROW)[:64] == [("e", "default")] * 64

        terminal.wait_for(erases)
    assert not re.search(rb"\x1b\[[0-9;]*[349][0-7]m", terminal.output)


def test_a_terminal_without_unicode(show: Show) -> None:
    terminal = show(*F405, "--serial", "Größe", PYTHONIOENCODING="ascii")
    terminal.wait_for(DRAWN)
    terminal.wait_for(r"STM32F405RG  Gr\?\?e")
    assert terminal.output.isascii()
    assert terminal.stop() == 0


def test_what_is_said_meanwhile_is_in_the_picture_and_printed_in_the_end(show: Show) -> None:
    terminal = show(*F405, "--listen", "0.0.0.0:0")
    terminal.wait_for("dfu-emulator: 0.0.0.0 is not a loopback address: USB/IP has no authentication")
    assert terminal.stop() == 0
    _picture, printed = terminal.output.split(FIRST_SCREEN)
    assert printed.startswith(b"dfu-emulator: 0.0.0.0 is not a loopback address")
    assert printed.count(b"\n") == 1


def test_the_end_by_an_error_leaves_the_terminal_as_it_was(show: Show, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"\xff" * (1 << 20))
    terminal = show(*F405, "--image", "flash.bin")
    with attached(terminal) as host:
        host.idle()
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (0, 0))  # as on a full disk
        with pytest.raises((Failed, EOFError)):
            host.erase(FLASH)
        assert terminal.wait() == 2
    assert terminal.current_settings() == terminal.settings
    _picture, printed = terminal.output.split(FIRST_SCREEN)
    assert printed.endswith(b"dfu-emulator: flash.bin: cannot be written: File too large\r\n")
    assert b"Traceback" not in printed


def test_of_several_chips_the_last_used_is_shown_in_full(show: Show) -> None:
    terminal = show(*TWICE)
    with attached(terminal, "1-2") as host:
        host.idle()
        host.write(FLASH, bytes(2048))
        terminal.wait_for("  1-1  STM32F405RG   325E35633334.*\n.● 1-2  STM32F405RG   325E35643334")
        terminal.wait_for("STM32F405RG  325E35643334 +● 1-2 on the bus")
    assert terminal.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trace"], "--trace on the standard error would tear the picture of --ui: say --trace FILE"),
        ([], "--ui draws on a terminal, and the standard output is none: leave it out; "),
    ],
)
def test_refusals(emulator: Emulator, arguments: list[str], message: str) -> None:
    done = emulator(*COMMAND, *F405, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dfu-emulator: {message}")
    assert done.stderr.count("\n") == 1


def test_a_terminal_that_cannot_be_drawn_on(show: Show) -> None:
    terminal = show(*F405, TERM="dumb")
    assert terminal.wait() == 2
    assert terminal.output.count(b"\n") == 1
    assert b"--ui needs a terminal that can be drawn on" in terminal.output


def test_a_trace_goes_to_a_file(show: Show, tmp_path: Path) -> None:
    terminal = show(*F405, "--trace", "trace.txt")
    with attached(terminal) as host:
        host.idle()
    assert terminal.stop() == 0
    assert "DFU_CLRSTATUS" in (tmp_path / "trace.txt").read_text()
