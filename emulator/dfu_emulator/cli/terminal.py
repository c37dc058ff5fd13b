"""The terminal that tables are printed to."""

import sys

import rich.console

_WIDTH_OF_A_PIPE = 160


class Console(rich.console.Console):
    """Rich's, but for a reader that has seen enough: what becomes of that is decided in one place."""

    def on_broken_pipe(self) -> None:
        """Called where the error is caught."""
        raise


def console() -> Console:
    """As wide as the terminal; a pipe is as wide as tables like it. Text is printed as it is."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(markup=False, highlight=False, emoji=False, width=width)


def can_draw(console: rich.console.Console) -> bool:
    """Whether the terminal has the characters of pictures, such as blocks."""
    return console.encoding.lower().startswith("utf")


def can_colour_errors() -> bool:
    """Whether what goes to the standard error may have colours: on a terminal, unless NO_COLOR is set."""
    errors = Console(stderr=True)
    return errors.color_system is not None and not errors.no_color
