"""A virtual machine with a stock Debian kernel, for what needs a kernel with USB gadgets.

The guest sees the host's files read-only, under a layer of its own that ends with it, and runs one
command. It has dummy_hcd, so that one kernel is USB host and USB device at once, and raw_gadget, which
Debian's kernels lack.
"""

from dfu_emulator.vm.errors import VmError
from dfu_emulator.vm.kernels import SERIES, Kernel, obtain
from dfu_emulator.vm.machine import Outcome, VmTimeout, run

__all__ = ["SERIES", "Kernel", "Outcome", "VmError", "VmTimeout", "obtain", "run"]
