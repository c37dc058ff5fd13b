"""The DFU function: what the kernel is told of it."""

import ctypes
from pathlib import Path
from struct import Struct
from typing import Any

import functionfs
from functionfs.common import USBDescriptorHeader

from dfu_emulator.usb_device import UsbDevice
from dfu_protocol.descriptors import CONFIGURATION, DFU_FUNCTIONAL
from dfu_protocol.descriptors import INTERFACE as INTERFACE_DESCRIPTOR

_US_ENGLISH = 0x0409
_STRINGS_HEAD = Struct("<4IH")
_STRINGS_MAGIC = 2
_I_INTERFACE = 8
"""Offset of iInterface in an interface descriptor."""


class DfuFunction(functionfs.Function):  # type: ignore[misc]
    """The DFU interface in the FunctionFS that is mounted at ``path``, with the first ``alternates`` settings
    of ``device`` and, if ``functional``, its DFU functional descriptor.
    """

    def __init__(self, path: Path, device: UsbDevice, alternates: int, functional: bool) -> None:
        super().__init__(str(path), fs_list=_descriptors(device, alternates, functional))
        # python-functionfs holds the strings in a C string, which ends at the first one's end.
        strings = _strings(device.profile.alternates[:alternates])
        self._function_strings = (ctypes.c_char * len(strings)).from_buffer_copy(strings)

    def close(self) -> None:
        """Close all files, also those that the base class leaves open."""
        self.__exit__(None, None, None)
        self.eventfd.close()


def _descriptors(device: UsbDevice, alternates: int, functional: bool) -> list[Any]:
    """The first ``alternates`` interface descriptors as the chip has them, with strings numbered from 1."""
    whole = device.configuration_descriptor
    start, size = CONFIGURATION.sizeof(), INTERFACE_DESCRIPTOR.sizeof()
    found = []
    for alternate in range(alternates):
        descriptor = bytearray(whole[start + alternate * size : start + (alternate + 1) * size])
        descriptor[_I_INTERFACE] = alternate + 1
        found.append(_structure(bytes(descriptor)))
    if functional:
        found.append(_structure(whole[-DFU_FUNCTIONAL.sizeof() :]))
    return found


def _structure(descriptor: bytes) -> Any:
    """A descriptor in the form in which python-functionfs takes it."""
    rest = ctypes.c_uint8 * (len(descriptor) - ctypes.sizeof(USBDescriptorHeader))
    kind = type("Descriptor", (USBDescriptorHeader,), {"_pack_": 1, "_fields_": [("rest", rest)]})
    return kind.from_buffer_copy(descriptor)  # type: ignore[attr-defined]


def _strings(strings: tuple[str, ...]) -> bytes:
    """The strings in the kernel's form (struct usb_functionfs_strings_head)."""
    text = b"".join(string.encode() + b"\0" for string in strings)
    size = _STRINGS_HEAD.size + len(text)
    return _STRINGS_HEAD.pack(_STRINGS_MAGIC, size, len(strings), 1, _US_ENGLISH) + text
