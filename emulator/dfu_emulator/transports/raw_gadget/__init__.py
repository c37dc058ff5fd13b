"""raw-gadget transport: the device behind a USB device controller, as it is on the chip.

The kernel's raw_gadget hands us every control request but SET_ADDRESS, so hosts see all alternate
settings and the very descriptors. Needs root and the module, which Debian's kernels lack.
"""

from dfu_emulator.transports.raw_gadget.gadget import RawGadget

__all__ = ["RawGadget"]
