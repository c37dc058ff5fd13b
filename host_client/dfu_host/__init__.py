"""The host side of DfuSe: find STM32 devices in their USB bootloader, read, erase, write and start them.

``Session`` is the protocol, ``programmer`` what people do with it, ``dfu-host`` the command on top.
"""

from dfu_host.bus import Alternate, DfuDevice, Functional, Selection, find, pick
from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    ExitCode,
    FileError,
    HostError,
    InputError,
    NoDeviceError,
    OutputError,
    RefusedError,
    StalledError,
    StillBusyError,
    UsageError,
    VerifyError,
)
from dfu_host.firmware import Firmware, Image, load
from dfu_host.link import Link
from dfu_host.plan import Plan, plan_erase, plan_write
from dfu_host.programmer import EraseMode, erase, program
from dfu_host.session import Session

__all__ = [
    "Alternate",
    "DeviceGoneError",
    "DeviceResetError",
    "DeviceTimeoutError",
    "DfuDevice",
    "EraseMode",
    "ExitCode",
    "FileError",
    "Firmware",
    "Functional",
    "HostError",
    "Image",
    "InputError",
    "Link",
    "NoDeviceError",
    "OutputError",
    "Plan",
    "RefusedError",
    "Selection",
    "Session",
    "StalledError",
    "StillBusyError",
    "UsageError",
    "VerifyError",
    "erase",
    "find",
    "load",
    "pick",
    "plan_erase",
    "plan_write",
    "program",
]
