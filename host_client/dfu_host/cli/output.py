"""Where what was read goes: a file that appears whole or not at all, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dfu_host.errors import OutputError


@contextmanager
def output(target: str, force: bool) -> Iterator[BinaryIO]:
    """A stream that becomes the file ``target`` when the block ends well; ``-`` is standard output.

    Until then, and for ever if the block fails, a file of that name stays as it was. OutputError where it
    exists and ``force`` is not set, is no regular file, or cannot be written.
    """
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is no regular file; '-' writes to standard output")
    if path.exists() and not force:
        raise OutputError(f"{path} exists; --force replaces it")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as stream:
            yield stream
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
