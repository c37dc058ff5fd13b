"""What every command is given beside its arguments: the way to devices, and the way to the user."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """``backend`` is the ``usb.backend.IBackend`` to find devices with; None is PyUSB's own choice."""

    backend: object | None = None

    def say(self, text: str) -> None:
        """Tell the user; standard output is kept for what was asked for."""
        print(f"dfu-host: {text}", file=sys.stderr)
