"""What it costs to watch: a write of 64 KiB block by block, straight to a port, with each kind of watcher."""

from collections.abc import Callable
from contextlib import ExitStack
from os import devnull

from dfu_emulator.advice import Adviser
from dfu_emulator.emulation import emulated
from dfu_emulator.live import ChipModel
from dfu_emulator.port import Port
from dfu_emulator.trace import Traces, Tracing
from dfu_protocol import Request, SetupPacket
from measure import Report, rates

_BLOCKS, _SIZE = 32, 2048
_DNLOAD = [SetupPacket.dfu(Request.DNLOAD, 2 + block, _SIZE) for block in range(_BLOCKS)]
_GETSTATUS = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
_TRANSFERS = 3 * _BLOCKS
_DATA = b"\xff" * _SIZE
"""May be written again and again."""


def _write(port: Port) -> Callable[[], None]:
    control = port.control

    def write() -> None:
        for setup in _DNLOAD:
            control(setup, _DATA)
            control(_GETSTATUS)
            control(_GETSTATUS)

    return write


def costs(report: Report, count: int) -> None:
    """Transfers per second with the traces and the advice of ``exec``, each alone and all together."""
    kinds = {
        "nothing watches": Traces(),
        "--trace": Traces(text=devnull),
        "--trace-json": Traces(json=devnull),
        "--pcap": Traces(pcap=devnull),
    }
    with ExitStack() as stack:
        writes, ports = [], []
        for traces in (*kinds.values(), Traces(), Traces()):
            tracing = stack.enter_context(Tracing(traces, print))
            (watchers,) = tracing.watchers
            port = stack.enter_context(emulated("stm32f405", watchers=watchers))
            tracing.begin()
            port.configure()
            port.control(SetupPacket.dfu(Request.CLRSTATUS))
            writes.append(_write(port))
            ports.append(port)
        stack.enter_context(Adviser(ports[-2]))
        stack.enter_context(ChipModel(ports[-1]))
        found = [rate * _TRANSFERS for rate in rates(max(1, count // 2_000), *writes)]
    for what, rate in zip((*kinds, "--advice", "--ui without its advice"), found, strict=True):
        report.add(f"transfers of a write, {what}", rate, "/s", "nothing watches", found[0])
