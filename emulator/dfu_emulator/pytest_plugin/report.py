"""What a failing test's report says of its chips."""

from collections.abc import Iterator, Sequence

from dfu_emulator.pytest_plugin.chip import Stm32

_LINES = 20
"""Of a trace, or of what a command has printed."""


def sections(chips: Sequence[Stm32]) -> Iterator[tuple[str, str]]:
    """Headings and texts."""
    for number, chip in enumerate(chips, 1):
        name = f"stm32 {number}: {chip.profile.part}" if len(chips) > 1 else f"stm32: {chip.profile.part}"
        for done in chip.finished:
            yield f"{name}: {done.command}: {done.ending}", _end(done.output)
        yield f"{name}: the end of its trace", "\n".join(chip.trace.end(_LINES))
        if advice := chip.advice:
            yield f"{name}: advice", str(advice)


def _end(text: str) -> str:
    """The last lines; of a line that was written over, as a progress bar is, what was seen last."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")[-_LINES:]).rstrip()
