"""FunctionFS transport: the device behind a USB device controller, with what every Linux kernel has.

The kernel's composite gadget answers the standard requests and we the DFU ones, by way of
python-functionfs (the extra ``gadget``). What the kernel cannot show is left out and said.
"""

from dfu_emulator.transports.functionfs.gadget import FunctionFsGadget

__all__ = ["FunctionFsGadget"]
