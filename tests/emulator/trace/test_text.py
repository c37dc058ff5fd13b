"""``--trace``: lines with the time, and their colours."""

import io

from rich.text import Text

from dfu_emulator.trace import TraceWriter
from dfu_protocol import Request
from emulator.host import Plug


def test_lines_carry_the_time_since_the_first(plug: Plug) -> None:
    host = plug().idle()
    stream = io.StringIO()
    host.port.watch(TraceWriter(stream))
    host.get_state()
    host.clock.sleep(1_500_000)
    host.get_state()
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["0.000000", "1.500000"]


def test_colours_change_nothing_but_the_colour(plug: Plug) -> None:
    host = plug().idle()
    plain, coloured = io.StringIO(), io.StringIO()
    host.port.watch(TraceWriter(plain))
    host.port.watch(TraceWriter(coloured, colour=True))
    host.job(2, bytes(64))
    host.dfu(Request.UPLOAD, 1, 16)
    assert "\x1b" not in plain.getvalue()
    assert Text.from_ansi(coloured.getvalue()).plain.splitlines() == plain.getvalue().splitlines()


def test_a_stall_is_red_and_an_effect_green(plug: Plug) -> None:
    host = plug().idle()
    stream = io.StringIO()
    host.port.watch(TraceWriter(stream, colour=True))
    host.job(2, bytes(64))
    host.dfu(Request.UPLOAD, 1, 16)
    assert "\x1b[32m; writes 64 bytes at 0x08000000\x1b[0m" in stream.getvalue()
    assert "\x1b[1;31mSTALL dfuDNLOAD-IDLE -> dfuERROR" in stream.getvalue()
