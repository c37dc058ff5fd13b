"""A virtual machine with a stock Debian or Ubuntu kernel, for what needs a kernel with USB gadgets.

The guest sees the host's files read-only, under a layer of its own that ends with it, but for folders that
are shared for good, and runs one command. It has dummy_hcd, so that one kernel is USB host and USB device
at once, and raw_gadget, which Debian's kernels lack.
"""

from dfu_emulator.vm.errors import VmError
from dfu_emulator.vm.initramfs import BOOT_MODULES
from dfu_emulator.vm.kernels import SERIES, Kernel, given, obtain
from dfu_emulator.vm.machine import Outcome, VmTimeout, require_programs, run

__all__ = [
    "BOOT_MODULES",
    "SERIES",
    "Kernel",
    "Outcome",
    "VmError",
    "VmTimeout",
    "given",
    "obtain",
    "require_programs",
    "run",
]
