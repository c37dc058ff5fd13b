"""The host side of DfuSe: find STM32 devices in their USB bootloader, read, erase, write and start them.

``open_device`` is where to begin (docs/python-api.md). Below it are ``Session``, the protocol as blocking
calls, and ``Conversation``, the same as operations that any driver can carry out.
"""

from dfu_host.bus import Alternate, DfuDevice, Selection, find, pick
from dfu_host.conversation import Conversation
from dfu_host.descriptors import Functional
from dfu_host.device import Device, Progress, open_device
from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    ExitCode,
    FileError,
    GarbledError,
    HostError,
    InterruptedJob,
    NeighbourError,
    NoDeviceError,
    NotErasedError,
    ReadProtectedError,
    RefusedError,
    StalledError,
    StillBusyError,
    UsageError,
    VerifyError,
)
from dfu_host.firmware import Firmware, Image, load
from dfu_host.ledger import Remains
from dfu_host.link import Link
from dfu_host.plan import Plan, plan_erase, plan_write
from dfu_host.programmer import Care, EraseMode, Outcome, erase, program
from dfu_host.session import Session
from dfu_host.steps import Control, Operation, Select, Step, Wait, drive

__all__ = [
    "Alternate",
    "Care",
    "Control",
    "Conversation",
    "Device",
    "DeviceGoneError",
    "DeviceResetError",
    "DeviceTimeoutError",
    "DfuDevice",
    "EraseMode",
    "ExitCode",
    "FileError",
    "Firmware",
    "Functional",
    "GarbledError",
    "HostError",
    "Image",
    "InterruptedJob",
    "Link",
    "NeighbourError",
    "NoDeviceError",
    "NotErasedError",
    "Operation",
    "Outcome",
    "Plan",
    "Progress",
    "ReadProtectedError",
    "RefusedError",
    "Remains",
    "Select",
    "Selection",
    "Session",
    "StalledError",
    "Step",
    "StillBusyError",
    "UsageError",
    "VerifyError",
    "Wait",
    "drive",
    "erase",
    "find",
    "load",
    "open_device",
    "pick",
    "plan_erase",
    "plan_write",
    "program",
]
