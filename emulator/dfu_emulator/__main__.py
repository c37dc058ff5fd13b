"""The command ``dfu-emulator``, and ``python -m dfu_emulator``."""

import signal
import sys


def main() -> int:
    """Run the command line; returns the exit code, 128 + SIGINT where Ctrl-C has ended it."""
    try:
        from dfu_emulator.cli import main as run_command  # here, as Ctrl-C may come while it is loaded

        return run_command()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
