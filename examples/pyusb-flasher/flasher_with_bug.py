"""The flasher as it was at first. It flashes and verifies, and says that all is well: it is not."""

import sys
from collections.abc import Sequence

import flasher


class Flasher(flasher.Flasher):
    """Blocks as long as a packet of endpoint 0, because that is what a control transfer is made of."""

    def block_size(self) -> int:
        return int(self.device.bMaxPacketSize0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return flasher.main(arguments, Flasher)


if __name__ == "__main__":
    sys.exit(main())
