"""What is on a device whose job was interrupted, in words."""

from collections.abc import Sequence

from dfu_host.cli.report import Stage
from dfu_host.ledger import Remains

_LEFT = {
    "reading": "nothing on the device has changed",
    "comparing": "nothing on the device has changed",
    "verifying": "all of it is written; 'dfu-host verify' compares it",
}


def how_far(stages: Sequence[Stage], *, idle: bool) -> str:
    """Where the last of ``stages`` was, what that means, and whether the device is ready for more."""
    state = "the device is in dfuIDLE" if idle else "the device does not answer: restart it in its bootloader"
    if not stages:
        return f"before anything was done; {state}"
    stage = stages[-1]
    place = f"while {stage.name}, after {stage.done} of {stage.total} bytes"
    return "; ".join(filter(None, [place, _LEFT.get(stage.name), state]))


def left_behind(remains: Remains, command: str) -> str:
    """What a command has left on the chip, and how to go on."""
    if command == "write" and (remains.erased or remains.doubtful):
        return f"{remains}; the same command with --resume completes it"
    return str(remains)
