"""The ways to put a chip on the guest's bus, and what the guest's kernel lets hosts see of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dfu_emulator.port import Port
from dfu_emulator.transports.functionfs import FunctionFsGadget
from dfu_emulator.transports.raw_gadget import RawGadget
from end_to_end.lsusb import Difference, without
from vm.guest.bus import LINUX
from vm.guest.kernel_usbip import imported

SHOWS_DFU = LINUX >= (6, 12)
"""Whether FunctionFS takes a DFU functional descriptor; the kernels that are tried lie far apart."""


@dataclass(frozen=True)
class Transport:
    """One way; ``name`` is what ``dfu-emulator run --transport`` calls it."""

    name: str
    open: Callable[[Port], AbstractContextManager[object]]
    alternates: range = range(4)
    dfu_util_options: tuple[str, ...] = ()
    """What dfu-util always needs to be told."""
    differences: tuple[Difference, ...] = ()
    """In what lsusb shows. docs/gadget.md lists the same."""


_DEVICE_STATUS = Difference(
    "The controller's driver answers GET_STATUS, and raw-gadget cannot tell it of the chip's own power.",
    {"Device Status:": "0x0000 (Bus Powered)"},
)
_BCD_USB = Difference("The composite framework has a version of its own.", {"device bcdUSB": "2.00"})
_ALTERNATES_ABOVE_2 = Difference(
    "FunctionFS refuses alternate settings above 2.",
    {**without("alternate 3"), "configuration wTotalLength": "45"},
)
_ALTERNATES_ABOVE_0 = Difference(
    "FunctionFS has no alternate settings but 0.",
    {**without("alternate 1"), **without("alternate 2"), **without("alternate 3")},
)
_FUNCTIONAL = Difference(
    "FunctionFS takes a descriptor of type 0x21 only after HID and CCID interfaces.",
    {**without("functional"), "configuration wTotalLength": "18"},
)

RAW_GADGET = Transport("raw-gadget", RawGadget, differences=(_DEVICE_STATUS,))
FUNCTIONFS = (
    Transport("functionfs", FunctionFsGadget, range(3), differences=(_BCD_USB, _ALTERNATES_ABOVE_2))
    if SHOWS_DFU
    else Transport(
        "functionfs", FunctionFsGadget, range(1), ("-t", "2048"), (_BCD_USB, _ALTERNATES_ABOVE_0, _FUNCTIONAL)
    )
)
USBIP = Transport("usbip", imported)
