"""Where a firmware file comes from: a file, or standard input."""

import sys
from pathlib import Path

from dfu_host.errors import InputError
from dfu_host.firmware import Firmware, Format, load, parse


def firmware_from(
    source: str, address: int | None = None, kind: Format | None = None, *, otherwise: int | None = None
) -> Firmware:
    """The same as ``firmware.load``, where ``-`` is standard input. ``./-`` is a file of that name."""
    if source != "-":
        return load(Path(source), address, kind, otherwise=otherwise)
    if sys.stdin is None:
        raise InputError("standard input is closed")
    name = "standard input"
    try:
        data = sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None
    return parse(data, name, address, kind, otherwise=otherwise)
