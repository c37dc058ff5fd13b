"""Ways that need nothing of the kernel: in the same process, and as a child of ours."""

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need
from dfu_emulator.transports.preload.bus import LIBRARY


def in_process(_computer: Computer) -> Finding:
    """A PyUSB backend."""
    return Finding("in-process", "a PyUSB program, in its own process")


def run_as_child(computer: Computer) -> Finding:
    """``dfu-emulator exec``."""
    needs: tuple[Need, ...] = ()
    if computer.system != "Linux":
        needs = (Need("only Linux programs can be made to see the chip in this way"),)
    elif not computer.has_library(LIBRARY):
        needs = (Need(f"{LIBRARY} is missing", computer.install("umockdev")),)
    return Finding("exec", "a libusb program that 'dfu-emulator exec' starts", needs)
