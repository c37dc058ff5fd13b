"""Start, stop and kill a gadget: the next one finds everything as if there had been none."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.functionfs import configfs
from dfu_emulator.transports.udc import GadgetError
from end_to_end.test_run import Running
from vm.guest import emulator_process
from vm.guest.bus import CONTROLLER, PATIENCE, host, wait_for_chip, wait_for_no_chip
from vm.guest.conftest import PlugIn, assert_nothing_left
from vm.guest.transports import FUNCTIONFS, RAW_GADGET, Transport

COMMAND = (sys.executable, "-m", "dfu_emulator")
IN_USE = {"raw-gadget": "USB Raw Gadget", "functionfs": "dfu-emulator-"}
FIVE_ROUNDS = (
    (signal.SIGINT, True),
    (signal.SIGTERM, True),
    (signal.SIGKILL, True),
    (signal.SIGKILL, False),
    (signal.SIGKILL, False),
)
"""What ends it, and whether it serves by then or still starts."""
ROUNDS = {"raw-gadget": 2 * FIVE_ROUNDS, "functionfs": 10 * FIVE_ROUNDS}
"""A raw-gadget has nothing that could outlive its process."""

Start = Callable[[], Running]


@pytest.fixture(params=[RAW_GADGET, FUNCTIONFS], ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    chosen: Transport = request.param
    return chosen


def run_arguments(transport: Transport) -> tuple[str, ...]:
    return ("run", "--transport", transport.name, "--profile", "stm32f405")


@pytest.fixture
def start(transport: Transport) -> Iterator[Start]:
    """The command as users start it; it serves."""
    with ExitStack() as stack:

        def started() -> Running:
            process = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, *run_arguments(transport)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return Running(process)

        yield started


def gadgets() -> set[str]:
    return {folder.name for folder in configfs.GADGETS.iterdir()}


def test_the_command_ends_cleanly_by_a_signal(start: Start) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        running = start()
        wait_for_chip()
        code, errors = running.stop(number)
        assert (code, "Traceback" in errors) == (0, False), errors
        assert_nothing_left()
        wait_for_no_chip()


def test_what_a_killed_command_left_is_cleaned_by_the_next_one(start: Start) -> None:
    killed = start()
    wait_for_chip()
    assert killed.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    wait_for_no_chip()
    left = gadgets()
    following = start()
    wait_for_chip()
    assert not left & gadgets()
    assert following.stop()[0] == 0


def test_rounds_of_starting_stopping_and_killing(transport: Transport) -> None:
    """Also at any moment of the start. Whatever a killed one left is gone when the next one serves."""
    moments = random.Random(1)
    longest = 0.0
    for end, serves in ROUNDS[transport.name]:
        left = gadgets()
        began = time.monotonic()
        with emulator_process.started(*run_arguments(transport)) as process:
            if serves:
                wait_for_chip()
                longest = max(longest, time.monotonic() - began)
                assert not left & gadgets()
            else:
                time.sleep(longest * moments.random())
            os.kill(process.pid or 0, end)
            process.join(PATIENCE)
            wait_for_no_chip()
            if end is signal.SIGKILL:
                assert process.exitcode == -end
            else:
                assert process.exitcode == 0
                assert_nothing_left()
    with emulated("stm32f405") as port, transport.open(port):
        wait_for_chip()


def test_a_controller_in_use_is_refused_with_the_reason(plug_in: PlugIn, transport: Transport) -> None:
    plug_in()
    user = IN_USE[transport.name]
    for other in (FUNCTIONFS, RAW_GADGET):
        with emulated("stm32f405") as port, pytest.raises(GadgetError, match=f"in use by {user}"):
            other.open(port).__enter__()
        done = host(*COMMAND, *run_arguments(other))
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith(
            f"dfu-emulator: the USB device controller {CONTROLLER.name} is in use by {user}"
        )
    assert host("dfu-util", "-l").lines("Found DFU")
