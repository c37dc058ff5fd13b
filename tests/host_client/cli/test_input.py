"""``-`` in place of a firmware file, and the file that has this name."""

import io
import sys
from pathlib import Path

import pytest

from dfu_host.cli.input import firmware_from
from dfu_host.errors import FileError, InputError
from dfu_host.firmware import load
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH
from host_client.cli.samples import CODE, dfuse


@pytest.fixture
def incoming(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    return content


def test_content_tells_the_format(tmp_path: Path, incoming: io.BytesIO) -> None:
    file = dfuse(tmp_path / "a", Target(0, (Element(FLASH, CODE),)))
    incoming.write(file.read_bytes())
    incoming.seek(0)
    assert firmware_from("-") == load(file)


def test_plain_bytes_have_an_address(incoming: io.BytesIO) -> None:
    incoming.write(CODE)
    incoming.seek(0)
    assert firmware_from("-", otherwise=FLASH).images[0].elements == (Element(FLASH, CODE),)


def test_is_named_where_it_is_damaged(incoming: io.BytesIO) -> None:
    incoming.write(b":0400000001020304F2\n")
    incoming.seek(0)
    with pytest.raises(FileError, match=r"^standard input: .* it is cut off$"):
        firmware_from("-")


def test_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match=r"^standard input is closed$"):
        firmware_from("-")


def test_file_of_that_name(tmp_path: Path, incoming: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming.write(b"something else")
    incoming.seek(0)
    monkeypatch.chdir(tmp_path)
    Path("./-").write_bytes(CODE)
    assert firmware_from("./-", FLASH).images[0].elements == (Element(FLASH, CODE),)
