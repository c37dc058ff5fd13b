"""Programs that see the emulated device, as scripts for Python with PyUSB."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable

from dfu_emulator.transports.preload import PreloadBus

Child = Callable[[str], object]
TIME_LIMIT = 60

PRELUDE = """
import fcntl, json, os, struct, time
import usb.core
NODE = "/dev/bus/usb/001/002"
PATIENCE = 30_000  # a busy machine may let a program wait
def find():
    for attempt in range(10):
        try:
            device = usb.core.find(idVendor=0x0483)
        except usb.core.NoBackendError:  # another program took the same name for its udev monitor
            time.sleep(0.1)
            continue
        if device is not None:
            device.default_timeout = PATIENCE
        return device
    raise usb.core.NoBackendError("libusb does not begin")
def getstatus(device, timeout=PATIENCE):
    return list(device.ctrl_transfer(0xA1, 3, 0, 0, 6, timeout))
def ask_for_erase(device):
    device.ctrl_transfer(0x21, 4, 0, 0, None)
    device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x41, 0, 0, 0, 8]))
def number(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0
"""


def start(bus: PreloadBus, script: str) -> "subprocess.Popen[str]":
    code = PRELUDE + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code], env=bus.environment(), stdout=subprocess.PIPE, text=True
    )


def finish(process: "subprocess.Popen[str]") -> object:
    """What the script printed, as JSON."""
    output, _ = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 0
    return json.loads(output)
