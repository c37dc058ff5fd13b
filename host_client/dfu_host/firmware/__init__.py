"""Firmware files: raw, DfuSe, DFU, Intel HEX, S-record and ELF, as elements of bytes at addresses."""

from dfu_host.firmware.loading import load, parse
from dfu_host.firmware.model import Firmware, Format, Image, format_of_name
from dfu_host.firmware.saving import build
from dfu_protocol.firmware_file import Suffix

__all__ = ["Firmware", "Format", "Image", "Suffix", "build", "format_of_name", "load", "parse"]
