"""How a command ends."""

import sys
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; ``exec`` and ``vm`` otherwise hand back their command's own."""

    OK = 0
    FAILED = 1
    """What was read back is not what was written; a profile has errors, or none fits; what the doctor was
    asked for does not work; a host tool got advice; a captured chip and the emulator differ."""
    USAGE = 2
    """Wrong flags, an unusable profile or image, or a transport that does not work here."""
    TIME_LIMIT = 124
    """As of timeout(1)."""
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    SIGNALLED = 128
    """Plus the number of the signal that ended the command, or us: 130 is Ctrl-C."""


class UsageError(Exception):
    """Flags that do not go together; the message says what to do."""


def say(text: str) -> None:
    """Tell the user something beside the command's output."""
    print(f"dfu-emulator: {text}", file=sys.stderr)
