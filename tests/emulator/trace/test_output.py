"""A file that is written whole records at a time."""

import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dfu_emulator.trace import Output, TraceError, trace_stream
from emulator.trace.conftest import File

LIMIT = 10


def test_records_are_there_at_once(file: File) -> None:
    output = file.open()
    output.write(b"one")
    output.write(b"two")
    assert file.content == b"onetwo"


def test_what_was_in_the_file_is_gone(file: File) -> None:
    file.path.write_bytes(b"before")
    file.open().write(b"now")
    assert file.content == b"now"


def test_a_file_is_the_trace_of_one_emulator(file: File) -> None:
    """Of whatever kind; what is in it stays as it is."""
    first = file.open()
    first.write(b"one")
    with pytest.raises(TraceError, match="/trace: another trace goes to this file; name another"):
        Output(str(file.path), print)
    with pytest.raises(TraceError), trace_stream(str(file.path)):
        pass
    first.write(b"two")
    assert file.content == b"onetwo"


def test_what_is_no_file_takes_several_traces() -> None:
    with Output("/dev/null", print), Output("/dev/null", print), trace_stream("/dev/null") as stream:
        print("a line", file=stream)


def test_a_pipe_without_a_reader_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TraceError, match="/pipe: nobody reads this pipe: start its reader first"):
        Output(str(pipe), print)


def test_a_slow_reader_of_a_pipe_gets_all(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    records = [bytes([number]) * 10_000 for number in range(20)]  # more than a pipe holds
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(reader, "rb") as stream, ThreadPoolExecutor(1) as executor:
        output = Output(str(pipe), print)
        os.set_blocking(reader, True)
        seen = executor.submit(stream.read)
        with output:
            for record in records:
                output.write(record)
        assert seen.result() == b"".join(records)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"/trace: cannot be opened for the trace: No such file"):
        Output(str(tmp_path / "no" / "trace"), print)


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    with Output("/dev/full", told.append) as output:
        output.write(b"one")
        output.write(b"two")
    assert told == ["/dev/full: the trace ends early: No space left on device"]


def test_a_record_that_fits_in_part_is_not_there(file: File) -> None:
    output = file.open()
    output.write(b"one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        output.write(bytes(2 * LIMIT))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    output.write(b"two")
    assert file.content == b"one"
    assert file.told == [f"{file.path}: the trace ends early: File too large"]
