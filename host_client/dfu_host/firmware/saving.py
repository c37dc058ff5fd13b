"""Writing a firmware file."""

from collections.abc import Iterable
from itertools import pairwise

from dfu_host.errors import FileError, UsageError
from dfu_host.extents import spell
from dfu_host.firmware.model import Firmware, Format
from dfu_protocol import ProtocolError
from dfu_protocol.firmware_file import DfuSeFile, Element, Suffix, Target, add_suffix


def build(firmware: Firmware, kind: Format, fill: int | None = None) -> bytes:
    """The bytes of ``firmware`` as a file of this format.

    Formats without addresses have one run of bytes from the lowest address on, in which ``fill`` stands where
    there is no data. Formats without alternate settings have the data of all of them. UsageError where there
    are gaps and no ``fill``; FileError where the format cannot say it.
    """
    if kind is Format.DFUSE:
        targets = (Target(image.alternate or 0, image.elements, image.name) for image in firmware.images)
        try:
            return DfuSeFile(tuple(targets), firmware.suffix or Suffix()).build()
        except ProtocolError as error:
            raise FileError(str(error)) from None
    elements = _in_order(element for image in firmware.images for element in image.elements)
    if kind in (Format.HEX, Format.SREC):
        return _records(elements, kind)
    body = _one_run(elements, fill)
    if kind is Format.RAW:
        return body
    if kind is Format.DFU:
        return add_suffix(body, firmware.suffix or Suffix())
    raise UsageError(f"{kind.description} cannot be written")


def _in_order(elements: Iterable[Element]) -> list[Element]:
    ordered = sorted((e for e in elements if e.data), key=lambda e: e.address)
    for before, after in pairwise(ordered):
        if before.address + len(before.data) > after.address:
            raise FileError(f"there is data for 0x{after.address:08x} more than once")
    return ordered


def _records(elements: Iterable[Element], kind: Format) -> bytes:
    # Slow to import, and of no use to commands that have no file.
    import bincopy

    image = bincopy.BinFile()
    for element in elements:
        image.add_binary(element.data, element.address)
    text: str = image.as_ihex() if kind is Format.HEX else image.as_srec()
    return text.encode()


def _one_run(elements: list[Element], fill: int | None) -> bytes:
    start = elements[0].address
    body = bytearray()
    for element in elements:
        gap = element.address - start - len(body)
        if gap and fill is None:
            raise UsageError(
                f"there is no data for {spell([(start + len(body), element.address)])}:"
                " --fill says what stands there in a file without addresses"
            )
        body += bytes([fill or 0]) * gap + element.data
    return bytes(body)
