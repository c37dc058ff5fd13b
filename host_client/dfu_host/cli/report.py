"""How a command speaks: to people, or with ``--json`` to programs.

A command says things beside its result (``say``), shows its result (``show``), tells its progress (``track``)
and returns its result as a document, which ``--json`` prints.
"""

import argparse
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from dfu_host.cli import progress
from dfu_host.cli.streams import StandardError, printable, standard_output
from dfu_host.extents import Extent

Document: TypeAlias = Mapping[str, object]
"""A result: names to what JSON can spell."""


def extents_document(extents: Iterable[Extent]) -> list[Document]:
    """Runs of addresses as a part of a result."""
    return [{"address": start, "end": end} for start, end in extents]


@dataclass(slots=True)
class Stage:
    """One part of a job: so many bytes ``done`` of ``total``, which is 0 where bytes are no measure."""

    name: str
    total: int
    done: int = 0


class Report(ABC):
    """One command's reports. ``stages`` are the parts of its job so far, the present one last."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    @abstractmethod
    def say(self, text: str) -> None:
        """Tell the user; standard output is kept for what was asked for."""

    @abstractmethod
    def show(self, lines: Iterable[str]) -> None:
        """The result, for people."""

    @abstractmethod
    def request(self, words: str, fields: Document) -> None:
        """A request to the device, in words and as fields."""

    @abstractmethod
    def finish(self, document: Document) -> None:
        """The result, for programs."""

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A stage of ``total`` bytes; the block is given what to call with the number of bytes done."""
        stage = Stage(label, total)
        self.stages.append(stage)
        with self._progress(stage) as changed:

            def advance(count: int) -> None:
                stage.done += count
                changed()

            yield advance

    @abstractmethod
    def _progress(self, stage: Stage) -> AbstractContextManager[Callable[[], None]]:
        """Shows a stage; the block is given what to call when it has changed."""


class ForPeople(Report):
    """Text; progress as bars on a terminal, now and then a line elsewhere."""

    def say(self, text: str) -> None:
        StandardError().write(printable(f"dfu-host: {text}", sys.stderr) + "\n")

    def show(self, lines: Iterable[str]) -> None:
        with standard_output():
            for line in lines:
                print(printable(line, sys.stdout))

    def request(self, words: str, fields: Document) -> None:
        self.say(words)

    def finish(self, document: Document) -> None:
        """It has been shown already."""

    @contextmanager
    def _progress(self, stage: Stage) -> Iterator[Callable[[], None]]:
        if sys.stderr.isatty():
            with progress.bar(stage.name, stage.total) as move:
                yield lambda: move(stage.done)
        else:
            log = progress.Log(stage.name, stage.total, self.say, time.monotonic)
            yield lambda: log.move(stage.done)


class ForPrograms(Report):
    """One JSON document on standard output at the end; until then an event a line on standard error."""

    def say(self, text: str) -> None:
        self._event("message", {"text": text})

    def show(self, lines: Iterable[str]) -> None:
        """The document has it."""

    def request(self, words: str, fields: Document) -> None:
        self._event("request", fields)

    def finish(self, document: Document) -> None:
        with standard_output():
            print(json.dumps(document, indent=2))

    @contextmanager
    def _progress(self, stage: Stage) -> Iterator[Callable[[], None]]:
        percent = 0
        self._event("progress", {"stage": stage.name, "done": 0, "total": stage.total})

        def changed() -> None:
            nonlocal percent
            now = 100 * stage.done // max(stage.total, 1)
            if now > percent:
                percent = now
                self._event("progress", {"stage": stage.name, "done": stage.done, "total": stage.total})

        yield changed

    def _event(self, name: str, fields: Document) -> None:
        StandardError().write(json.dumps({"event": name, **fields}) + "\n")


def add_report(parser: argparse.ArgumentParser) -> None:
    """The flag that says how to report."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as a JSON document, and messages and progress as JSON lines on standard error",
    )
