"""Data that was to be preserved and is no longer on the chip: this program has its only copy."""

import tempfile
from pathlib import Path

from dfu_host.cli.output import numbered
from dfu_host.cli.report import Report
from dfu_host.ledger import Remains
from dfu_protocol.firmware_file import Element


def rescue(remains: Remains, report: Report) -> None:
    """Save it in files of its own, here or, where that cannot be, in the folder for temporary files."""
    for element in remains.unrestored:
        what = f"what was to be preserved from 0x{element.address:08x} on"
        try:
            path = _saved(element)
        except OSError as error:
            report.say(f"{what} cannot be saved: {error.strerror}")
        else:
            report.say(
                f"{what} is in {path}; when all else is there, 'dfu-host write --preserve --address"
                f" 0x{element.address:08x} {path}' brings it back"
            )


def _saved(element: Element) -> Path:
    try:
        return _save(element, Path())
    except OSError:
        return _save(element, Path(tempfile.gettempdir()))


def _save(element: Element, folder: Path) -> Path:
    names = numbered(folder / f"preserved-0x{element.address:08x}.bin")
    path = next(name for name in names if not name.exists())
    with path.open("xb") as stream:
        try:
            stream.write(element.data)
            stream.flush()
        except OSError:
            path.unlink()
            raise
    return path
