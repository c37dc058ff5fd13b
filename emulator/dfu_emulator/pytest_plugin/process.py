"""Runs a command to its end, and ends what it has started if that takes too long."""

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import NamedTuple, TypeAlias

Word: TypeAlias = str | os.PathLike[str]

_HEADING = 60
"""Characters of a command's line in a report."""


def run(
    command: Sequence[Word],
    environment: Mapping[str, str],
    cwd: Word | None,
    text: str | None,
    timeout: float,
) -> "subprocess.CompletedProcess[str]":
    """As ``subprocess.run``; after ``timeout`` seconds it ends all that the command has started.

    ``text`` is its input. Its output is text too, with the carriage returns of progress bars. Raises
    TimeoutExpired with the output so far.
    """
    __tracebackhide__ = True
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    with process:
        try:
            stdout, stderr = process.communicate(text.encode() if text is not None else None, timeout)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            output, errors = _text(error.output), _text(error.stderr)
            raise subprocess.TimeoutExpired(process.args, timeout, output, errors) from None
    return subprocess.CompletedProcess(process.args, process.returncode, _text(stdout), _text(stderr))


def _text(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace")


class Finished(NamedTuple):
    """For a report: a command that was run, how it ended, and all that it printed."""

    command: str
    ending: str
    output: str


def finished(command: Sequence[Word], ending: str, *outputs: str) -> Finished:
    """The command as a short line of words, and its outputs one after the other."""
    words = " ".join(shlex.quote(os.fspath(word)) for word in command)
    return Finished(shorten(words, _HEADING, placeholder=" ..."), ending, "".join(outputs))
