"""Opens the traces that a user asks for, and makes the watchers of each chip's port."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Self, TypeAlias

from dfu_emulator.port import Occurrence, Watcher
from dfu_emulator.trace.json_lines import JsonWriter
from dfu_emulator.trace.output import Output, Tell, TraceError, cannot_open, locked
from dfu_emulator.trace.pcapng import PcapWriter
from dfu_emulator.trace.text import TraceWriter, trace_stream

_Writer: TypeAlias = Callable[[int, Occurrence], None]
"""Called with a chip's number, counted from 1, and what happened to it."""


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

    @contextmanager
    def locked(self) -> Iterator["Traces"]:
        """The same by absolute paths, the files being there and this process's alone, for others to write.

        Raises TraceError, also for what is no regular file.
        """
        for name in self._names():
            if Path(name).exists() and not Path(name).is_file():
                raise TraceError(f"{name}: is no regular file, and so does not reach the emulator; name one")
        made = self.made()
        with ExitStack() as stack:
            for name in made._names():
                stack.callback(os.close, locked(name))
            yield made

    def folders(self) -> list[Path]:
        """Where the files are."""
        return [Path(name).parent for name in self._names()]

    def _names(self) -> list[str]:
        text = None if self.text == "-" else self.text
        return [name for name in (text, self.json, self.pcap) if name is not None]


class Tracing:
    """Watches the ports of so many chips for the traces that a user asks for. A context, which closes them.

    Entering it raises TraceError where one of the files cannot be opened, and leaves what is in them.
    ``watchers`` are those of each chip, none where no trace is wanted. ``begin`` opens the files, and so
    loses what was in them: it comes once all else is known to work, and what happens before is kept for it.
    ``tell`` is told of a file that could not be written to its end.
    """

    def __init__(self, traces: Traces, tell: Tell, chips: int = 1) -> None:
        self._traces = traces
        self._tell = tell
        self._numbered = chips > 1
        self._stack = ExitStack()
        self._lock = Lock()
        self._kept: list[tuple[int, Occurrence]] = []
        self._writers: list[_Writer] | None = None
        wanted = (traces.text, traces.json, traces.pcap) != (None, None, None)
        self.watchers: list[tuple[Watcher, ...]] = [
            (partial(self._watch, number),) if wanted else () for number in range(1, chips + 1)
        ]

    def __enter__(self) -> Self:
        self._traces.made()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def begin(self) -> None:
        """Open the files and write what has happened so far. Raises TraceError if that cannot be."""
        writers = list(self._opened())
        with self._lock:
            self._writers = writers
            for number, occurrence in self._kept:
                self._write(number, occurrence)
            self._kept.clear()

    def _watch(self, number: int, occurrence: Occurrence) -> None:
        with self._lock:
            if self._writers is None:
                self._kept.append((number, occurrence))
            else:
                self._write(number, occurrence)

    def _write(self, number: int, occurrence: Occurrence) -> None:
        for writer in self._writers or ():
            writer(number, occurrence)

    def _opened(self) -> Iterator[_Writer]:
        traces, stack = self._traces, self._stack
        if traces.text is not None:
            text = TraceWriter(stack.enter_context(trace_stream(traces.text)), traces.colour)
            numbered = self._numbered
            yield lambda number, it: text(it, prefix=f"1-{number:<3}" if numbered else "")
        if traces.json is not None:
            json = JsonWriter(stack.enter_context(Output(traces.json, self._tell)))
            yield lambda number, it: json(it, chip=number)
        if traces.pcap is not None:
            pcap = PcapWriter(stack.enter_context(Output(traces.pcap, self._tell)))
            yield lambda number, it: pcap(it, bus=number)


def _made(name: str | None) -> str | None:
    if name is None:
        return None
    path = Path(name)
    try:
        if not path.is_fifo():  # its reader would take that for the end
            path.open("ab").close()
    except OSError as error:
        raise cannot_open(name, error) from None
    return str(path.resolve())
