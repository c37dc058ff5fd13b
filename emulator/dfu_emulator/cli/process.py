"""Run somebody's command as a shell would."""

import errno
import shutil
import signal
import subprocess
from collections.abc import Sequence
from types import FrameType
from typing import Any, TextIO

from dfu_emulator.cli.exits import Exit, say

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
_FROM_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""A terminal sends these to the command as well: it decides what they mean."""


def run(command: Sequence[str], environment: dict[str, str], output: TextIO | None = None) -> int:
    """Run ``command`` to its end; signals to us are its too. Its standard output is ``output``, or ours."""
    with _Signals() as signals:
        try:
            process = subprocess.Popen(command, env=environment, stdout=output)
        except FileNotFoundError:
            if shutil.which(command[0]) is None:
                say(f"there is no command {command[0]!r}")
                return Exit.NOT_FOUND
            say(f"{command[0]!r} cannot be executed: the interpreter that its first line names is missing")
            return Exit.NOT_EXECUTABLE
        except OSError as error:
            hint = "; does its first line begin with #! ?" if error.errno == errno.ENOEXEC else ""
            say(f"{command[0]!r} cannot be executed: {error.strerror}{hint}")
            return Exit.NOT_EXECUTABLE
        signals.pass_on_to(process)
        code = process.wait()
    return Exit.SIGNALLED - code if code < 0 else code


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


class _Signals:
    """Passes signals on to a process, those included that come before it is there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        # Not SIG_IGN, which the command would inherit; and what nohup ignores stays ignored.
        handlers = dict.fromkeys(_FROM_THE_TERMINAL, _do_nothing) | dict.fromkeys(_PASSED_ON, self._handle)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on_to(self, process: "subprocess.Popen[bytes]") -> None:
        """From now on, signals go to ``process``."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)
