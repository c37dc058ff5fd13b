"""Files that traces go to."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dfu_emulator.trace import Output


@dataclass
class File:
    """A file of a trace: ``open()`` it, and look what it has."""

    path: Path
    stack: ExitStack
    told: list[str] = field(default_factory=list)
    """What the user was told."""

    def open(self) -> Output:
        return self.stack.enter_context(Output(str(self.path), self.told.append))

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    with ExitStack() as stack:
        yield File(tmp_path / "trace", stack)
