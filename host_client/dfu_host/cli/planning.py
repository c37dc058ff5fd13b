"""From a firmware file to what goes where on a device; nothing is sent yet."""

import argparse
from dataclasses import dataclass

from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli import numbers
from dfu_host.cli.delicate import check_meant
from dfu_host.cli.device_options import memory
from dfu_host.cli.formats import one_of
from dfu_host.cli.input import firmware_from
from dfu_host.errors import FileError, UsageError
from dfu_host.firmware import Firmware, Format, Image
from dfu_host.plan import Plan, plan_write
from dfu_protocol.firmware_file import Element

INPUT_HELP = (
    "raw, DFU, DfuSe, Intel HEX, S-record or ELF file, or - for standard input; its content tells which"
)
_ANY = 0xFFFF
_NO_RELEASE = 0x0000
"""What many tools put where bcdDevice goes: no release of the device in particular."""


@dataclass(frozen=True, slots=True)
class Part:
    """What goes to one memory."""

    alternate: Alternate
    elements: tuple[Element, ...]


def add_file(parser: argparse.ArgumentParser) -> None:
    """Flags about a firmware file that is for a device."""
    parser.add_argument("file", help=INPUT_HELP)
    add_input(parser)
    parser.add_argument(
        "--any-device",
        action="store_true",
        help="take the file even if its DFU suffix names another device than this one",
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Flags about how to read a firmware file."""
    parser.add_argument("--address", type=numbers.address, help="where a raw file goes")
    parser.add_argument(
        "--input-format",
        **one_of(Format),
        help="take the file for one of this format, whatever its content looks like",
    )


def load_file(arguments: argparse.Namespace) -> Firmware:
    """The file that the flags name."""
    return firmware_from(arguments.file, arguments.address, arguments.input_format)


def parts(device: DfuDevice, firmware: Firmware, arguments: argparse.Namespace) -> list[Part]:
    """What of ``firmware`` goes to which memory of ``device``, in the order of the file.

    FileError where the file is for another device, or for alternate settings that this one lacks.
    """
    if not arguments.any_device:
        _check_suffix(device, firmware)
    elements: dict[Alternate, list[Element]] = {}
    for image in firmware.images:
        for element in image.elements:
            alternate = _destination(device, image, element, arguments.alt)
            elements.setdefault(alternate, []).append(element)
    return [Part(alternate, tuple(found)) for alternate, found in elements.items()]


def plans(device: DfuDevice, firmware: Firmware, arguments: argparse.Namespace) -> list[Plan]:
    """How to write it: one plan for each memory.

    FileError also where only its addresses say that it is for option bytes or one-time memory.
    """
    found = parts(device, firmware, arguments)
    if arguments.alt is None and firmware.images[0].alternate is None:
        for part in found:
            check_meant(part.alternate, part.elements[0].address)
    return [
        plan_write(part.alternate.number, part.alternate.known_layout, part.elements, arguments.align)
        for part in found
    ]


def _check_suffix(device: DfuDevice, firmware: Firmware) -> None:
    suffix, usb = firmware.suffix, device.usb
    if suffix is None:
        return
    if suffix.idVendor not in (_ANY, usb.idVendor) or suffix.idProduct not in (_ANY, usb.idProduct):
        raise FileError(
            f"the file is for {suffix.idVendor:04x}:{suffix.idProduct:04x}, the device is {device.ids};"
            " --any-device takes it all the same"
        )
    if suffix.bcdDevice not in (_ANY, _NO_RELEASE, usb.bcdDevice):
        raise FileError(
            f"the file is for devices of release {suffix.bcdDevice:04x} (bcdDevice), this one has"
            f" {usb.bcdDevice:04x}; --any-device takes it all the same"
        )


def _destination(device: DfuDevice, image: Image, element: Element, choice: str | None) -> Alternate:
    if image.alternate is not None:
        if choice is not None:
            raise UsageError("a DfuSe file says itself which alternate settings it is for: leave out --alt")
        try:
            return device.alternate(str(image.alternate))
        except UsageError as error:
            raise FileError(f"the file does not fit the device: {error}") from None
    return memory(device, choice, element.address)
