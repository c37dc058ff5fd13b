"""What is on a device whose job was interrupted, in words."""

from collections.abc import Sequence

from dfu_host.cli.report import Stage

_LEFT = {
    "reading": "nothing on the device has changed",
    "comparing": "nothing on the device has changed",
    "erasing": "what is erased is blank, nothing is written yet; run the command again",
    "writing": "what was to follow is blank or as it was; run the command again",
    "verifying": "all of it is written; run the command again, or 'dfu-host verify'",
}


def how_far(stages: Sequence[Stage], *, idle: bool) -> str:
    """Where the last of ``stages`` was, what that means, and whether the device is ready for more."""
    state = "the device is in dfuIDLE" if idle else "the device does not answer: restart it in its bootloader"
    if not stages:
        return f"before anything was done; {state}"
    stage = stages[-1]
    place = f"while {stage.name}, after {stage.done} of {stage.total} bytes"
    return "; ".join(filter(None, [place, _LEFT.get(stage.name), state]))
