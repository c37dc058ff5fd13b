"""How a command ends."""

import sys
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; ``exec`` and ``vm`` otherwise hand back their command's own."""

    OK = 0
    DIFFERENT = 1
    """The demo read back something else than it wrote."""
    USAGE = 2
    """Wrong flags, an unusable profile or image, or a transport that does not work here."""
    TIME_LIMIT = 124
    """As of timeout(1)."""
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    SIGNALLED = 128
    """Plus the number of the signal that ended the command."""


class UsageError(Exception):
    """Flags that do not go together; the message says what to do."""


def say(text: str) -> None:
    """Tell the user something beside the command's output."""
    print(f"dfu-emulator: {text}", file=sys.stderr)
