"""The terminal that tables are printed to."""

import sys

from rich.console import Console

_WIDTH_OF_A_PIPE = 160


def console() -> Console:
    """As wide as the terminal; a pipe is as wide as tables like it. Text is printed as it is."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(markup=False, highlight=False, emoji=False, width=width)


def can_draw(console: Console) -> bool:
    """Whether the terminal has the characters of pictures, such as blocks."""
    return console.encoding.lower().startswith("utf")


def can_colour_errors() -> bool:
    """Whether what goes to the standard error may have colours: on a terminal, unless NO_COLOR is set."""
    errors = Console(stderr=True)
    return errors.color_system is not None and not errors.no_color
