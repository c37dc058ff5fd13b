"""A virtual machine with a kernel that has USB gadgets: ``dfu-emulator vm``."""

import os
from collections.abc import Iterator, Mapping

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need

_PROCESSOR = "x86_64"
_TO_BUILD = {"make": "make", "gcc": "gcc", "xz": "xz-utils"}
"""What building raw_gadget takes: commands, and the packages that have them."""


def check(computer: Computer) -> Finding:
    """Whether a kernel is there, or can be fetched, and booted."""
    return Finding(
        "vm", "a command that 'dfu-emulator vm' runs", tuple(_needs(computer)), tuple(_limits(computer))
    )


def _needs(computer: Computer) -> Iterator[Need]:
    if (computer.system, computer.processor) != ("Linux", _PROCESSOR):
        yield Need(f"the virtual machine needs Linux on {_PROCESSOR}")
        return
    from dfu_emulator.vm.machine import PROGRAMS

    if missing := _missing(computer, PROGRAMS):
        yield Need(f"missing: {', '.join(missing)}", computer.install(*missing))
    if not _has_kernel(computer) and not computer.has_command("apt-get"):
        yield Need("without apt, which fetches kernels, one has to be given", "dfu-emulator vm --kernel ...")


def _limits(computer: Computer) -> Iterator[str]:
    if computer.system != "Linux":
        return
    if not os.access(computer.path("/dev/kvm"), os.R_OK | os.W_OK):
        yield "without KVM the processor is emulated, which is slow"
    missing = _missing(computer, _TO_BUILD)
    if not computer.has_library("libelf.so.1"):
        missing.append("libelf1")
    if missing and not _has_kernel(computer):
        yield (
            "raw_gadget, which Debian's kernels lack, cannot be built, so the chip comes over USB/IP: "
            f"{computer.install(*missing)}"
        )


def _missing(computer: Computer, packages: Mapping[str, str]) -> list[str]:
    return [package for command, package in packages.items() if not computer.has_command(command)]


def _has_kernel(computer: Computer) -> bool:
    from dfu_emulator.vm.kernels import cache_folder

    kernels = computer.path(cache_folder() / "kernels")
    return any(path.is_dir() for path in kernels.glob("[0-9]*"))
