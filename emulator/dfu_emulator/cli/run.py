"""``dfu-emulator run``: serve chips over a transport until told to stop."""

import argparse
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from dfu_emulator.cli.chip_options import PROFILE_HELP, add_chip_options, chip_options, chosen_profile
from dfu_emulator.cli.exits import Exit, UsageError, say
from dfu_emulator.cli.front import Front, LiveFront, PlainFront, check_ui
from dfu_emulator.cli.serving import TRANSPORTS, best
from dfu_emulator.cli.trace_options import chosen_traces
from dfu_emulator.emulation import ChipOptions, emulated
from dfu_emulator.farm import read_farm
from dfu_emulator.profile import Profile
from dfu_emulator.serial_number import neighbour
from dfu_emulator.trace import Tracing

_EXIT_CODES = """\
exit codes: 0 once SIGINT, SIGTERM or SIGHUP ends it, 2 for wrong flags, an unusable profile, farm file, image
or trace file, or a transport that does not work here
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Serve chips to other programs and machines until SIGINT (Ctrl-C), SIGTERM or SIGHUP."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "--transport",
        choices=TRANSPORTS,
        help="the way to the chips; default: the first of these that works here and fits the other flags",
    )
    chips = parser.add_mutually_exclusive_group(required=True)
    chips.add_argument(
        "--profile", action="append", metavar="CHIP", help=f"{PROFILE_HELP}; give it again for another chip"
    )
    chips.add_argument(
        "--farm", type=Path, metavar="FILE", help="a YAML file that lists chips, each with its own options"
    )
    parser.add_argument(
        "--listen",
        type=_listen,
        metavar="HOST:PORT",
        help="where USB/IP listens; default: 127.0.0.1:3240",
    )
    parser.add_argument(
        "--udc",
        metavar="NAME",
        help="USB device controller of functionfs and raw-gadget; default: dummy_hcd's, else the only one",
    )
    parser.add_argument(
        "--ui",
        action="store_true",
        help="show the chip on the terminal as it is used: its memories, its state, transfers, advice",
    )
    add_chip_options(parser)


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 1 << 16):
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, like 127.0.0.1:3240, not {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def run(arguments: argparse.Namespace) -> int:
    """Serve the chips that the flags describe until a signal ends that."""
    if arguments.ui:
        check_ui(arguments)
    with _stop_signals() as stop, ExitStack() as stack:
        chips = _chips(arguments)
        tracing = stack.enter_context(Tracing(chosen_traces(arguments), say, len(chips)))
        ports = [
            stack.enter_context(emulated(profile, **options.keywords(), watchers=watchers))
            for (profile, options), watchers in zip(chips, tracing.watchers, strict=True)
        ]
        front: Front = LiveFront(ports) if arguments.ui else PlainFront(ports, arguments.advice)
        stack.enter_context(front)
        transport = TRANSPORTS[arguments.transport] if arguments.transport else best
        serving = stack.enter_context(transport(ports, arguments))
        tracing.begin()
        stack.enter_context(front.showing(serving.lines))
        while not stop.wait(front.pause):
            serving.check()
            for port in ports:
                if port.failure is not None:
                    raise port.failure
            front.refresh()
    return Exit.OK


def _chips(arguments: argparse.Namespace) -> Sequence[tuple[Profile, ChipOptions]]:
    common = chip_options(arguments)
    if arguments.farm is None and len(arguments.profile) == 1:
        return [(chosen_profile(arguments, arguments.profile[0]), common)]
    for flag in ("image", "serial", "uid"):
        if getattr(arguments, flag) is not None:
            raise UsageError(
                f"--{flag} is one chip's: for several, write the key {flag!r} into a --farm file"
            )
    if arguments.farm is not None:
        chips = read_farm(arguments.farm, common, arguments.rom_version, arguments.set)
        if arguments.seed is not None and not any(options.scenario for _profile, options in chips):
            raise UsageError(f"--seed decides what a scenario leaves to chance: {arguments.farm} names none")
        return chips
    return [
        (
            chosen_profile(arguments, profile),
            replace(common, unique_id=neighbour(common.unique_id, number)),
        )
        for number, profile in enumerate(arguments.profile)
    ]


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Signals that come early count: the event is looked at once all is set up."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
