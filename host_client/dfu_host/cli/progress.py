"""How far a job has come, on a terminal and in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from dfu_host.cli.streams import StandardError

LOG_INTERVAL = 5.0
"""Seconds between two lines in a log; what is done sooner needs none."""


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, with rate and time left; the block is given what moves it to so many bytes."""
    # Slow to import, and of use to terminals only.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[rate]:>12}", style="progress.data.speed"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(file=cast(TextIO, StandardError())),
    ) as progress:
        task = progress.add_task(label, total=total, rate="")

        def move(done: int) -> None:
            progress.update(task, completed=done)
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            if speed:
                progress.update(task, rate=f"{speed / 1024:.1f} KiB/s")

        yield move


class Log:
    """Lines for a job that takes long, by a ``clock`` that tells seconds."""

    def __init__(
        self, label: str, total: int, say: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._label = label
        self._total = total
        self._say = say
        self._clock = clock
        self._began = self._spoke = clock()

    def move(self, done: int) -> None:
        """Say it if the last line is long ago: ``writing: 512 of 1024 KiB, 64.0 KiB/s, 8 s left``."""
        now = self._clock()
        if now - self._spoke < LOG_INTERVAL:
            return
        self._spoke = now
        rate = done / (now - self._began)
        left = f", {(self._total - done) / rate:.0f} s left" if rate else ""
        self._say(
            f"{self._label}: {done // 1024} of {self._total // 1024} KiB, {rate / 1024:.1f} KiB/s{left}"
        )
