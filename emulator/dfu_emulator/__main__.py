"""``python -m dfu_emulator``."""

import sys

from dfu_emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
