"""Fetches the kernels that the checks in virtual machines boot. Those that are cached cost nothing."""

import sys

from dfu_emulator.vm import SERIES, VmError, obtain


def main() -> int:
    try:
        for series in SERIES:
            obtain(series, tell=lambda text: print(text, file=sys.stderr))
    except VmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
