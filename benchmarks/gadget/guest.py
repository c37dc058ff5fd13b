"""What runs in the virtual machine: all gadgets at once, each on a controller of its own, asked by turns.

Usage: guest.py FOLDER COUNT SIZE TURNS, where FOLDER has the programs made from the C files here. Prints as
JSON, for each gadget and each thing that was measured, the seconds of each turn.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.functionfs import configfs

PATIENCE = 120
"""Seconds after which something will not happen any more."""
REQUESTS = ("getstatus", "upload", "dnload")

Process = subprocess.Popen[bytes]
Start = Callable[[str], AbstractContextManager[Process]]
"""Takes the name of a controller and serves a device on it."""


@dataclass(frozen=True)
class Gadget:
    """A process that serves a device, and where the host has that."""

    process: Process
    folder: Path
    """In /sys/bus/usb/devices."""

    def number(self, name: str) -> int:
        """``busnum`` or ``devnum``."""
        return int((self.folder / name).read_text())

    @property
    def file(self) -> str:
        """In /dev/bus/usb."""
        return f"/dev/bus/usb/{self.number('busnum'):03}/{self.number('devnum'):03}"

    def processor_time(self) -> float:
        """Seconds of processor time that the process has used, in the kernel too."""
        clock = ctypes.c_int()
        assert ctypes.CDLL(None).clock_getcpuclockid(self.process.pid, ctypes.byref(clock)) == 0
        return time.clock_gettime(clock.value)


@contextmanager
def responder(program: Path, controller: str) -> Iterator[Process]:
    """The C program behind a composite gadget with the chip's ids."""
    with emulated("stm32f405") as port:
        gadget = configfs.create(port.device)
    process = subprocess.Popen([program, gadget.mount_point / "ep0"], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        gadget.bind(controller)
        yield process
    finally:
        process.kill()
        process.communicate()
        gadget.remove()


@contextmanager
def emulator(transport: str, controller: str) -> Iterator[Process]:
    """The emulator, as users start it."""
    command = [str(Path(sys.executable).parent / "dfu-emulator"), "run", "--profile", "stm32f405"]
    command += ["--transport", transport, "--udc", controller]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def plugged(starts: Mapping[str, Start]) -> Iterator[dict[str, Gadget]]:
    """All of these gadgets, each on a dummy_hcd of its own."""
    subprocess.run(["modprobe", "-r", "dummy_hcd"], check=True)
    subprocess.run(["modprobe", "dummy_hcd", "is_high_speed=0", f"num={len(starts)}"], check=True)
    with ExitStack() as stack:
        found = {}
        for index, (name, start) in enumerate(starts.items()):
            process = stack.enter_context(start(f"dummy_udc.{index}"))
            # A bus is the child of its controller; the only device there is on port 1.
            (bus,) = Path(f"/sys/devices/platform/dummy_hcd.{index}").glob("usb[0-9]*")
            number = (bus / "busnum").read_text().strip()
            found[name] = Gadget(process, bus / f"{number}-1")
            wait_until_configured(found[name].folder)
        yield found


def wait_until_configured(folder: Path) -> None:
    """Wait until the host has configured the device."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if (folder / "bConfigurationValue").read_text() == "1\n":
                return
        except OSError:  # not there yet
            pass
        assert time.monotonic() < end, "the device did not come"
        time.sleep(0.05)


def end_log() -> None:
    """End the guest's log of USB traffic, which takes as much time as what is measured."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        if b"usbmon" in file.read_bytes():
            os.kill(int(file.parent.name), signal.SIGTERM)


def measure(gadget: Gadget, client: Path, count: int, image: Path) -> dict[str, float]:
    """Seconds of each of REQUESTS and of dfu-util's commands; ``_cpu``: of the gadget's processor time."""
    found: dict[str, float] = {}
    for request in REQUESTS:
        before = gadget.processor_time()
        command = [str(client), gadget.file, request, str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        found[request] = float(done.stdout) / count
        found[f"{request}_cpu"] = (gadget.processor_time() - before) / count
    found["dfu_util_download"] = dfu_util(gadget, "-s", "0x08000000", "-D", str(image))
    size, back = image.stat().st_size, image.with_name("back")
    found["dfu_util_upload"] = dfu_util(gadget, "-s", f"0x08000000:{size}:force", "-U", str(back))
    back.unlink()
    return found


def dfu_util(gadget: Gadget, *arguments: str) -> float:
    """Wall time of a command."""
    command = [
        "dfu-util",
        "-n",
        str(gadget.number("devnum")),
        "-p",
        gadget.folder.name,
        "-a",
        "0",
        *arguments,
    ]
    start = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stdout
    return seconds


def main() -> None:
    """Measure all gadgets by turns."""
    folder, (count, size, turns) = Path(sys.argv[1]), map(int, sys.argv[2:])
    results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    starts: dict[str, Start] = {
        "C responder": partial(responder, folder / "responder"),
        "FunctionFS": partial(emulator, "functionfs"),
        "raw-gadget": partial(emulator, "raw-gadget"),
    }
    end_log()
    with tempfile.TemporaryDirectory() as scratch, plugged(starts) as gadgets:
        image = Path(scratch, "image")
        image.write_bytes(os.urandom(size))
        for _ in range(turns):
            for name, gadget in gadgets.items():
                for what, seconds in measure(gadget, folder / "client", count, image).items():
                    results[name][what].append(seconds)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
