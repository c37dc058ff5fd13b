"""The table that ``profiles list`` prints."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.table import Table

from dfu_emulator.cli.terminal import console
from dfu_emulator.profile.spelling import spell_size
from dfu_emulator.profile.summary import Summary, shared_quirks

_ALL_COLUMNS_FIT = 114
"""Characters a line."""


class _Column(NamedTuple):
    heading: str
    text: Callable[[Summary], str]
    number: bool = False
    wide_only: bool = False


_COLUMNS = (
    _Column("name", lambda s: s.name),
    _Column("part", lambda s: s.part),
    _Column("family", lambda s: s.family.removeprefix("STM32"), wide_only=True),
    _Column("flash", lambda s: spell_size(s.flash_size), number=True),
    _Column("wTransfer\nSize", lambda s: str(s.wTransferSize), number=True),
    _Column("product", lambda s: s.product, wide_only=True),
    _Column("bcd\nDevice", lambda s: f"{s.bcdDevice:04X}", wide_only=True),
    _Column("hardware/\ndocument/\ninferred", lambda s: "/".join(f"{share:2d}" for share in s.shares)),
)


def show(summaries: Sequence[Summary], shipped: Sequence[Summary]) -> None:
    """Print a row for each of ``summaries``; what nearly all of ``shipped`` share is said only once."""
    out = console()
    shared = shared_quirks(shipped)
    columns = [column for column in _COLUMNS if not column.wide_only or out.width >= _ALL_COLUMNS_FIT]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column.heading, justify="right" if column.number else "left", no_wrap=True)
    table.add_column("quirks")
    for summary in summaries:
        own = ", ".join(word for word in summary.quirks if word not in shared)
        table.add_row(*(column.text(summary) for column in columns), own)
    out.print(table)
    out.print()
    out.print(f"Quirks of nearly all: {', '.join(shared)}.", style="dim")
    out.print("What they mean to a host: dfu-emulator profiles show NAME", style="dim")
    out.print("hardware/document/inferred: percent of the values that are known so", style="dim")
