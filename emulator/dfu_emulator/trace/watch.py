"""Opens the traces that a user asks for, and makes the watchers of each chip's port."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dfu_emulator.port import Watcher
from dfu_emulator.trace.json_lines import JsonWriter
from dfu_emulator.trace.output import Output, Tell, cannot_open
from dfu_emulator.trace.pcapng import PcapWriter
from dfu_emulator.trace.text import TraceWriter, trace_stream


@dataclass(frozen=True)
class Traces:
    """The files that traces go to, each None where it is not wanted."""

    text: str | None = None
    """``-`` is the standard error."""
    json: str | None = None
    pcap: str | None = None
    colour: bool = False
    """Of the text."""

    def made(self) -> "Traces":
        """The same by absolute paths, the files being there. Raises TraceError."""
        text = self.text if self.text == "-" else _made(self.text)
        return replace(self, text=text, json=_made(self.json), pcap=_made(self.pcap))

    def folders(self) -> list[Path]:
        """Where the files are."""
        text = None if self.text == "-" else self.text
        return [Path(name).parent for name in (text, self.json, self.pcap) if name is not None]


@contextmanager
def watching(traces: Traces, tell: Tell, chips: int = 1) -> Iterator[list[tuple[Watcher, ...]]]:
    """The watchers for the port of each of so many chips; none where no trace is wanted.

    ``tell`` is told of a file that could not be written to its end. Raises TraceError for one that cannot be
    opened.
    """
    with ExitStack() as stack:
        watchers: list[list[Watcher]] = [[] for _ in range(chips)]
        if traces.text is not None:
            text = TraceWriter(stack.enter_context(trace_stream(traces.text)), traces.colour)
            for number, chip in enumerate(watchers, 1):
                chip.append(partial(text, prefix=f"1-{number:<3}") if chips > 1 else text)
        if traces.json is not None:
            json = JsonWriter(stack.enter_context(Output(traces.json, tell)))
            for number, chip in enumerate(watchers, 1):
                chip.append(partial(json, chip=number))
        if traces.pcap is not None:
            pcap = PcapWriter(stack.enter_context(Output(traces.pcap, tell)))
            for number, chip in enumerate(watchers, 1):
                chip.append(partial(pcap, bus=number))
        yield [tuple(chip) for chip in watchers]


def _made(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        Path(name).open("ab").close()
    except OSError as error:
        raise cannot_open(name, error) from None
    return str(Path(name).resolve())
