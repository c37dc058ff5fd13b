"""The contract between long jobs and who shows how far they are."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

Track: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""What a job reports to: given a label and a total in bytes, a block in which to say how many are done."""


@contextmanager
def silent(_label: str, _total: int) -> Iterator[Callable[[int], None]]:
    """Report to nobody."""
    yield lambda _count: None
