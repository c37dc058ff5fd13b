"""What happens at a port, for people and programs: in words, as JSON lines, as a capture for Wireshark."""

from dfu_emulator.trace.describe import Part, describe, is_dfu, parts
from dfu_emulator.trace.json_lines import JsonWriter
from dfu_emulator.trace.output import Output, TraceError
from dfu_emulator.trace.pcapng import PcapWriter
from dfu_emulator.trace.text import TraceWriter, trace_stream
from dfu_emulator.trace.watch import Traces, Tracing

__all__ = [
    "JsonWriter",
    "Output",
    "Part",
    "PcapWriter",
    "TraceError",
    "TraceWriter",
    "Traces",
    "Tracing",
    "describe",
    "is_dfu",
    "parts",
    "trace_stream",
]
