"""What a user sees of ``run``: lines of text, or the live view."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stderr, suppress
from typing import Protocol, Self

from rich.console import Console
from rich.text import Text

from dfu_emulator.advice import Adviser
from dfu_emulator.cli.advising import advising, print_advice
from dfu_emulator.cli.exits import UsageError
from dfu_emulator.cli.terminal import can_draw
from dfu_emulator.live import ChipModel, LiveScreen, Look, Messages, Picture, draw
from dfu_emulator.port import Port


class Front(AbstractContextManager["Front"], Protocol):
    """A context from before the transport is opened until after it is closed."""

    pause: float
    """Seconds between two calls of ``refresh``."""

    def showing(self, lines: Sequence[str]) -> AbstractContextManager[None]:
        """Show ``lines``, which tell a user how to get at the chips, and what happens."""

    def refresh(self) -> None:
        """Show what is new."""


class PlainFront:
    """Lines on the standard output, advice on the standard error."""

    pause = 0.5

    def __init__(self, ports: Sequence[Port], advice: bool) -> None:
        self._ports = ports
        self._advice = advice
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for name, port in _named(self._ports):
            self._stack.enter_context(advising(port, self._advice, _prefix(name)))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @contextmanager
    def showing(self, lines: Sequence[str]) -> Iterator[None]:
        """Print the lines."""
        print(*lines, "stop with Ctrl-C", sep="\n", flush=True)
        yield

    def refresh(self) -> None:
        """Nothing: what there is to say was said as it happened."""


class LiveFront:
    """The live view. What is said on the standard error meanwhile is in it, and printed at the end."""

    pause = 0.1

    def __init__(self, ports: Sequence[Port]) -> None:
        self._models = [ChipModel(port, name) for name, port in _named(ports)]
        self._ports = ports
        self._messages = Messages()
        self._reach: Sequence[str] = ()
        self._stack = ExitStack()
        self._console = Console(markup=False, highlight=False, emoji=False, force_terminal=True)
        coloured = self._console.color_system is not None and not self._console.no_color
        self._look = Look(unicode=can_draw(self._console), colour=coloured)
        self._screen = LiveScreen(self._console, self._draw)

    def __enter__(self) -> Self:
        self._stack.callback(self._print_what_was_said)
        self._stack.enter_context(redirect_stderr(self._messages))
        for port, model in zip(self._ports, self._models, strict=True):
            self._stack.enter_context(model)
            self._stack.enter_context(Adviser(port, model.advise))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @contextmanager
    def showing(self, lines: Sequence[str]) -> Iterator[None]:
        """Draw on the terminal's other screen."""
        self._reach = lines
        with self._screen:
            yield

    def refresh(self) -> None:
        """Draw anew."""
        self._screen.refresh()

    def _draw(self, width: int, height: int) -> list[Text]:
        chips = [model.snapshot() for model in self._models]
        return draw(Picture(chips, self._reach, self._messages.lines), width, height, self._look)

    def _print_what_was_said(self) -> None:
        with suppress(OSError):
            print(self._messages.text, end="", file=sys.stderr, flush=True)
        for model in self._models:
            for advice in model.snapshot().advice:
                print_advice(advice, _prefix(model.name))


def check_ui(arguments: argparse.Namespace) -> None:
    """Raises UsageError where the live view cannot be shown."""
    if arguments.trace == "-":
        raise UsageError("--trace on the standard error would tear the picture of --ui: say --trace FILE")
    if not sys.stdout.isatty():
        raise UsageError(
            "--ui draws on a terminal, and the standard output is none: leave it out; "
            "--trace FILE writes down what happens"
        )
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        raise UsageError("--ui needs a terminal that can be drawn on: the environment's TERM names none")


def _named(ports: Sequence[Port]) -> Iterator[tuple[str, Port]]:
    """The ports, with what a user knows them by if there are several."""
    for number, port in enumerate(ports, 1):
        yield f"1-{number}" if len(ports) > 1 else "", port


def _prefix(name: str) -> str:
    """Of a line about one chip of several."""
    return f"{name:<5}" if name else ""
