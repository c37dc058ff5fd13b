"""Speed, side by side in one run. ``--quick`` only shows that all of it still runs.

Every value stands beside what it is compared with. A ratio to something measured in the same run carries
from one machine to another; one to a target is about this machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from array import array
from functools import partial
from pathlib import Path
from typing import Any

import usb.core
from construct import Int8ul, Int16ul, Int24ul, Struct

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.inprocess import Backend
from dfu_emulator.transports.preload import PreloadBus
from dfu_protocol import Request, SetupPacket, State, Status, StatusReply
from host import compare
from measure import Report, rates, seconds
from watching import costs

GETSTATUS = SetupPacket.dfu(Request.GETSTATUS, 0, 6)
UPLOAD = SetupPacket.dfu(Request.UPLOAD, 2, 2048)
CLRSTATUS = SetupPacket.dfu(Request.CLRSTATUS)
MIB = 1 << 20
BIN = Path(sys.executable).parent

SETUP_IN_CONSTRUCT = Struct(
    "bmRequestType" / Int8ul, "bRequest" / Int8ul, "wValue" / Int16ul, "wIndex" / Int16ul, "wLength" / Int16ul
)
STATUS_IN_CONSTRUCT = Struct(
    "bStatus" / Int8ul, "bwPollTimeout" / Int24ul, "bState" / Int8ul, "iString" / Int8ul
)

LIBUSB_CLIENT = """
import sys, time, usb.core
device = usb.core.find(idVendor=0x0483)
device.ctrl_transfer(0x21, 4, 0, 0, None)
for request, value, length in ((3, 0, 6), (2, 2, 2048)):
    count = int(sys.argv[1])
    start = time.perf_counter()
    for _ in range(count):
        device.ctrl_transfer(0xA1, request, value, 0, length)
    print(count / (time.perf_counter() - start))
"""


class IdleBackend(Backend):
    """The in-process backend, but its device does nothing: what PyUSB itself costs."""

    def ctrl_transfer(self, *arguments: Any) -> int:
        data: array[int] = arguments[5]
        return len(data)


def structures(report: Report, count: int) -> None:
    """The two structures of the hot path, in struct and in construct."""
    packet = GETSTATUS.build()
    status = StatusReply(Status.OK, 100, State.DNBUSY)
    fields = {"bStatus": 0, "bwPollTimeout": 100, "bState": 4, "iString": 0}
    parse, slow_parse, build, slow_build = rates(
        count // 20,
        lambda: SetupPacket.parse(packet),
        lambda: SETUP_IN_CONSTRUCT.parse(packet),
        status.build,
        lambda: STATUS_IN_CONSTRUCT.build(fields),
    )
    report.add("SETUP packet, parse", parse, "/s", "in construct", slow_parse)
    report.add("GETSTATUS reply, build", build, "/s", "in construct", slow_build)


def in_process(report: Report, count: int) -> dict[str, float]:
    """The machine alone, and through PyUSB; returns the rates through PyUSB."""
    found = {}
    with emulated("stm32f405") as port:
        real, idle = (usb.core.find(backend=backend) for backend in (Backend(port), IdleBackend(port)))
        port.control(CLRSTATUS)
        for what, setup in (("GETSTATUS", GETSTATUS), ("2 KiB UPLOAD", UPLOAD)):
            alone, through, nothing = rates(
                count // 5,
                partial(port.device.bootloader.handle, setup),
                partial(real.ctrl_transfer, *setup),
                partial(idle.ctrl_transfer, *setup),
            )
            found[what] = through
            report.add(f"machine alone, {what}", alone, "/s", "PyUSB with an idle backend", nothing)
            report.add(f"PyUSB in process, {what}", through, "/s", "PyUSB with an idle backend", nothing)
    return found


def through_preload(report: Report, count: int, in_process_rates: dict[str, float]) -> None:
    """PyUSB over libusb in a child process under preload."""
    with emulated("stm32f405") as port, PreloadBus(port) as bus:
        command = [sys.executable, "-c", LIBUSB_CLIENT, str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=bus.environment())
    for what, found in zip(("GETSTATUS", "2 KiB UPLOAD"), map(float, done.stdout.split()), strict=True):
        reference = in_process_rates[what]
        report.add(f"preload and libusb, {what}", found, "/s", "PyUSB in process", reference)


def whole_commands(report: Report, size: int, repeat: int) -> None:
    """dfu-util's wall times, and how long the commands take to start."""
    python = seconds([sys.executable, "-c", "pass"], repeat)
    execute = [str(BIN / "dfu-emulator"), "exec", "--profile", "stm32f405", "--"]
    with tempfile.TemporaryDirectory() as folder:
        image, back = Path(folder, "image.bin"), Path(folder, "back.bin")
        image.write_bytes(os.urandom(size))
        with emulated("stm32f405") as port, PreloadBus(port) as bus:
            environment = bus.environment()
            download = ["dfu-util", "-a", "0", "-s", "0x08000000", "-D", str(image)]
            report.add(
                f"dfu-util, download of {size} bytes", seconds(download, 1, environment), "s", "the target", 4
            )
            upload = ["dfu-util", "-a", "0", "-s", f"0x08000000:{size}:force", "-U", str(back)]
            report.add(
                f"dfu-util, upload of {size} bytes", seconds(upload, 1, environment), "s", "the target", 4
            )
        assert back.read_bytes() == image.read_bytes()
    report.add(
        "dfu-emulator exec -- dfu-util -l",
        seconds([*execute, "dfu-util", "-l"], repeat),
        "s",
        "the target",
        0.4,
    )
    for command in ("dfu-emulator", "dfu-host"):
        report.add(
            f"{command} --help",
            seconds([str(BIN / command), "--help"], repeat),
            "s",
            "python -c pass",
            python,
        )


def main() -> None:
    """Run all benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few repetitions: shows that it works, not how fast"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    arguments = parser.parse_args()
    count = 1_000 if arguments.quick else 200_000
    report = Report()
    structures(report, count)
    through_preload(report, count // 20, in_process(report, count))
    costs(report, count)
    whole_commands(report, MIB // 16 if arguments.quick else MIB, 1 if arguments.quick else 5)
    compare(report, quick=arguments.quick)
    report.show()
    if arguments.json:
        report.save(arguments.json)


if __name__ == "__main__":
    main()
