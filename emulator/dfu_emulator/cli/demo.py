"""``dfu-emulator demo``: flash a chip, read it back, start the firmware, and show what happened."""

import argparse
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from importlib import import_module
from pathlib import Path
from struct import pack

from rich.markup import escape
from rich.table import Table

from dfu_emulator.cli.chip_options import PROFILE_HELP, add_profile_changes, chosen_profile
from dfu_emulator.cli.exits import Exit
from dfu_emulator.cli.terminal import Console, can_draw
from dfu_emulator.emulation import emulated
from dfu_emulator.memory import Flash
from dfu_emulator.port import Occurrence, Port, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.trace import describe, is_dfu
from dfu_emulator.transports.preload import PreloadBus, PreloadError

Run = Callable[[Sequence[str]], int]
"""Runs a host tool that sees the chip; returns its exit code."""

_FIRMWARE_SIZE = 5000
_BAR_WIDTH = 32


_EXIT_CODES = """\
exit codes: 0 if all was read back as written, 1 if not, 2 for wrong flags or an unusable profile
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Write a small firmware to an emulated chip with dfu-util, or with dfu-host where that "
        "is missing, read it back, start it, and show what the chip saw."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "--profile", default="stm32f405", metavar="CHIP", help=f"{PROFILE_HELP}; default: %(default)s"
    )
    add_profile_changes(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the demo that the flags describe."""
    return Exit.OK if show(chosen_profile(arguments, arguments.profile)) else Exit.FAILED


def show(profile: Profile) -> bool:
    """Show the demo on the terminal; False where what was read back is not what was written."""
    console = Console(highlight=False)
    occurrences: list[Occurrence] = []
    with (
        tempfile.TemporaryDirectory(prefix="dfu-emulator-demo-") as folder,
        chdir(folder),
        emulated(profile, watchers=(occurrences.append,)) as port,
    ):
        sent, received = Path("firmware.bin"), Path("readback.bin")
        sent.write_bytes(make_firmware(profile))
        console.print(f"[bold]{profile.part}[/] in its ROM bootloader, serial number {port.device.serial}\n")
        with _host_tool(port, console) as (run_tool, commands):
            for arguments in commands(profile.memory.flash.start, sent, received):
                if code := _run_shown(console, run_tool, arguments, occurrences):
                    console.print(f"[bold red]{arguments[0]} failed with exit code {code}[/]")
                    return False
        _show_flash(console, port)
        same = received.exists() and received.read_bytes() == sent.read_bytes()
    if same:
        console.print(f"[bold green]{_FIRMWARE_SIZE} bytes written and read back: equal[/]")
    else:
        console.print("[bold red]what was read back is not what was written[/]")
    return same


def make_firmware(profile: Profile) -> bytes:
    """A small application: a vector table that the ROM takes for one, then a recognisable pattern."""
    flash = profile.memory.flash
    stack_pointer = profile.memory.stacks[0][1]
    reset_vector = flash.start + 0x200 + 1  # bit 0: Thumb
    head = pack("<II", stack_pointer, reset_vector)
    return head + bytes(index * 7 % 251 for index in range(_FIRMWARE_SIZE - len(head)))


Commands = Callable[[int, Path, Path], Iterator[list[str]]]


def _dfu_util_commands(start: int, sent: Path, received: Path) -> Iterator[list[str]]:
    yield ["dfu-util", "-l"]
    yield ["dfu-util", "-a", "0", "-s", f"{start:#010x}", "-D", str(sent)]
    read = f"{start:#010x}:{sent.stat().st_size}:leave"
    yield ["dfu-util", "-a", "0", "-s", read, "-U", str(received)]


def _dfu_host_commands(start: int, sent: Path, received: Path) -> Iterator[list[str]]:
    yield ["dfu-host", "list"]
    yield ["dfu-host", "write", "--address", f"{start:#010x}", str(sent)]
    size = str(sent.stat().st_size)
    yield ["dfu-host", "read", "--address", f"{start:#010x}", "--length", size, str(received)]
    yield ["dfu-host", "leave", "--address", f"{start:#010x}"]


@contextmanager
def _host_tool(port: Port, console: Console) -> Iterator[tuple[Run, Commands]]:
    """The real dfu-util if it can be used here, else dfu-host in this process."""
    with ExitStack() as stack:
        try:
            if shutil.which("dfu-util") is None:
                raise PreloadError("dfu-util is not installed")
            bus = stack.enter_context(PreloadBus(port))
        except PreloadError as error:
            console.print(f"[dim]with dfu-host, because {error}[/]\n")
            yield _dfu_host_in_process(port), _dfu_host_commands
        else:
            yield _dfu_util_under(bus), _dfu_util_commands


def _dfu_util_under(bus: PreloadBus) -> Run:
    def run_dfu_util(command: Sequence[str]) -> int:
        return subprocess.run(command, env=bus.environment(), stderr=subprocess.STDOUT).returncode

    return run_dfu_util


def _dfu_host_in_process(port: Port) -> Run:
    from dfu_emulator.transports.inprocess import Backend

    # Only here, and by its name: else neither side of the project imports the other.
    main, backend = import_module("dfu_host.cli").main, Backend(port)

    def run_dfu_host(command: Sequence[str]) -> int:
        code: int = main(command[1:], backend=backend)
        return code

    return run_dfu_host


def _run_shown(
    console: Console, run_tool: Run, arguments: Sequence[str], occurrences: list[Occurrence]
) -> int:
    console.print(f"[bold cyan]$ {escape(shlex.join(arguments))}[/]", soft_wrap=True)
    occurrences.clear()
    code = run_tool(arguments)
    shown = [o for o in occurrences if not isinstance(o, Transfer) or is_dfu(o.setup)]
    if shown:
        console.print("\n[bold]what the chip saw[/]")
    for line in _folded([describe(occurrence) for occurrence in shown]):
        console.print(f"  [dim]{escape(line)}[/]", soft_wrap=True)
    console.print()
    return code


def _folded(lines: Sequence[str]) -> Iterator[str]:
    """The lines, with runs of equal ones as one."""
    last, count = "", 0
    for line in [*lines, ""]:
        if line == last:
            count += 1
            continue
        if count:
            yield f"{last} (x {count})" if count > 1 else last
        last, count = line, 1


def _show_flash(console: Console, port: Port) -> None:
    chip = port.device.bootloader.chip
    full, empty = ("█", "░") if can_draw(console) else ("#", ".")
    table = Table(title="flash", title_justify="left", box=None, header_style="bold")
    for heading in ("sector", "address", "size", "programmed"):
        table.add_column(heading, justify="right" if heading in ("sector", "size") else "left")
    for sector in chip.flash.sectors:
        start, end = chip.flash.sector_bounds(sector)
        used = _used(chip.flash, start, end)
        filled = -(-used * _BAR_WIDTH // (end - start))
        bar = f"[green]{full * filled}[/][dim]{empty * (_BAR_WIDTH - filled)}[/]"
        table.add_row(str(sector), f"0x{start:08X}", f"{(end - start) // 1024}K", f"{bar} {used or ''}")
    console.print(table)
    console.print()


def _used(flash: Flash, start: int, end: int) -> int:
    erased = bytes([flash.erased])
    return len(flash.read(start, end - start).rstrip(erased))
