"""Where what was read goes: a file that appears whole or not at all, or standard output."""

import argparse
import itertools
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dfu_host.cli.formats import one_of
from dfu_host.cli.streams import standard_output
from dfu_host.errors import OutputError, UsageError
from dfu_host.firmware import Format, format_of_name


def add_output(parser: argparse.ArgumentParser) -> None:
    """Flags about a file to write."""
    parser.add_argument(
        "file", help="file to write, or - for standard output; its name's ending tells the format"
    )
    add_format(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Flags about how to write it."""
    parser.add_argument(
        "--format",
        **one_of([kind for kind in Format if kind is not Format.ELF]),
        help="format of the file, whatever its name (default without a known ending: raw)",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def output_format(arguments: argparse.Namespace) -> Format:
    """The format that the flags say, or the name's ending."""
    chosen: Format | None = arguments.format
    kind = chosen or format_of_name(arguments.file) or Format.RAW
    if kind is Format.ELF:
        raise UsageError("ELF files can be read, not written; --format chooses another format")
    return kind


def check_output(arguments: argparse.Namespace) -> None:
    """Standard output is for one thing."""
    if arguments.file == "-" and arguments.json:
        raise UsageError("with --json standard output is for the result: name a file in place of -")


@contextmanager
def output(target: str, force: bool) -> Iterator[BinaryIO]:
    """A stream that becomes the file ``target`` when the block ends well; ``-`` is standard output.

    Until then, and for ever if the block fails, a file of that name stays as it was. OutputError where it
    exists and ``force`` is not set, is no regular file, or cannot be written. One that appears
    meanwhile stays as well: what was written has another name then, which the error tells.
    """
    if target == "-":
        with standard_output():
            yield sys.stdout.buffer
        return
    try:
        path = Path(os.path.realpath(target))  # what a symbolic link names is replaced, not the link
        if path.exists() and not path.is_file():
            raise OutputError(f"{target} is no regular file; '-' writes to standard output")
        if path.exists() and not force:
            raise OutputError(f"{target} exists; --force replaces it")
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("xb") as stream:
                yield stream
            if force:
                part.replace(path)
            elif (name := next(one for one in numbered(path) if _moved(part, one))) != path:
                raise OutputError(
                    f"{target} has appeared meanwhile and stays as it is;"
                    f" what was to be written there is in {name}"
                )
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}") from None


def numbered(path: Path) -> Iterator[Path]:
    """``path``, then the same with a number: names for what must not replace anything."""
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))


def _moved(part: Path, name: Path) -> bool:
    """Rename a file, unless the new name is taken."""
    try:
        name.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:  # a file system without links, such as FAT
        try:
            name.touch(exist_ok=False)
        except FileExistsError:
            return False
        part.replace(name)
    return True
