"""Data that was to be preserved and is no longer on the chip: this program has its only copy."""

import re
import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfu_host.cli.output import numbered
from dfu_host.cli.report import Document, Report
from dfu_host.extents import extent_of, joined, without
from dfu_host.ledger import Remains
from dfu_host.plan import Plan
from dfu_host.session import Session
from dfu_protocol.firmware_file import Element

_NAME = re.compile(r"preserved-0x([0-9a-f]{8})(-\d+)?\.bin")


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
                f"{what} is in {path}; when all else is there, '{_command(element.address, path)}'"
                " brings it back"
            )


def remind(planned: Sequence[Plan], conversation: Session, report: Report) -> list[Document]:
    """Tell what earlier writes have saved of the pages that were written, where the chip has something else.

    Which of several is the right one is for people to say: what a half-erased page held was saved, too.
    """
    missing: list[Document] = []
    for address, path in _found():
        for plan in planned:
            try:
                data, saved = path.read_bytes(), path.stat().st_mtime
            except OSError:
                continue
            place = extent_of(Element(address, data))
            pages = joined((first, first + size) for first, size in plan.pages)
            beside = without([place], map(extent_of, plan.data)) == [place]
            if not beside or without([place], pages):
                continue  # of another job
            conversation.select(plan.alternate)
            if b"".join(conversation.read(address, len(data))) != data:
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(saved))
                report.say(
                    f"what was to be preserved from 0x{address:08x} on is not what the chip has there: {path}"
                    f" has it, of {when}; '{_command(address, path)}' brings it back"
                )
                missing.append({"address": address, "end": place[1], "file": str(path)})
    return missing


def _found() -> Iterator[tuple[int, Path]]:
    """Address and path of each file that was saved here, or in the folder for temporary files."""
    for folder in (Path(), Path(tempfile.gettempdir())):
        for path in sorted(folder.glob("preserved-0x*.bin")):
            if name := _NAME.fullmatch(path.name):
                yield int(name[1], 16), path


def _command(address: int, path: Path) -> str:
    return f"dfu-host write --preserve --address 0x{address:08x} {shlex.quote(str(path))}"


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
