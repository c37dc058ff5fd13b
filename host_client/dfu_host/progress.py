"""Progress of long jobs, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

Track: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""What a job reports to: given a label and a total in bytes, a block in which to say how many are done."""


@contextmanager
def silent(_label: str, _total: int) -> Iterator[Callable[[int], None]]:
    """Report to nobody."""
    yield lambda _count: None


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    # Slow to import, and of use to terminals only.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description:<10}"), BarColumn(), DownloadColumn(True), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda count: progress.advance(task, count)
