"""Where the command ``dfu-host`` begins, so that Ctrl-C ends it quietly from the first moment to the last."""

import signal


def main() -> int:
    """Run it with the arguments of the process; returns its exit code."""
    try:
        from dfu_host.cli import main as run  # takes long enough to be interrupted

        return run()
    except KeyboardInterrupt:
        return 130  # ExitCode.INTERRUPTED, which may not be there yet
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to be interrupted
