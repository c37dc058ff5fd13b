"""A captured session replayed against a profile: where a real chip and the emulator differ."""

from dfu_emulator.replay.capture import Capture, parse_capture, read_capture
from dfu_emulator.replay.devices import Place
from dfu_emulator.replay.outcome import Difference, Replayed
from dfu_emulator.replay.packet import CaptureError
from dfu_emulator.replay.replaying import Start, replay
from dfu_emulator.replay.report import Report, as_json, as_text
from dfu_emulator.replay.session import Session, find_session

__all__ = [
    "Capture",
    "CaptureError",
    "Difference",
    "Place",
    "Replayed",
    "Report",
    "Session",
    "Start",
    "as_json",
    "as_text",
    "find_session",
    "parse_capture",
    "read_capture",
    "replay",
]
