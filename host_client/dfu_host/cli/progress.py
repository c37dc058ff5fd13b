"""How far a job has come, on a terminal and in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from dfu_host.cli.streams import StandardError

LOG_INTERVAL = 5.0
"""Seconds between two lines in a log; what is done sooner needs none."""

_BAR = 40
_ROOM_FOR_TIMES = 56
"""Columns of a terminal that the stage, its bytes, the rate and the time left take; more are for the bar."""


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, with rate and time left; the block is given what moves it to so many bytes."""
    # Slow to import, and of use to terminals only.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(file=cast(TextIO, StandardError()))
    columns: list[ProgressColumn] = [
        TextColumn("{task.description:<10}"),
        DownloadColumn(binary_units=True),
    ]
    if console.width >= _ROOM_FOR_TIMES:
        columns.append(TextColumn("{task.fields[rate]:>12}", style="progress.data.speed"))
        columns.append(TimeRemainingColumn(elapsed_when_finished=True))
    if console.width > _ROOM_FOR_TIMES:
        columns.insert(1, BarColumn(min(_BAR, console.width - _ROOM_FOR_TIMES)))
    with Progress(*columns, console=console) as progress:
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
