"""``dfu-emulator`` as a process that a fork server starts: without the seconds in which Python starts."""

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from dfu_emulator.cli import main

_FORK_SERVER = multiprocessing.get_context("forkserver")
_FORK_SERVER.set_forkserver_preload(
    [
        __name__,
        "dfu_emulator.cli.run",
        "dfu_emulator.transports.functionfs.function",
        "dfu_emulator.transports.raw_gadget",
    ]
)


@contextmanager
def started(*arguments: str) -> Iterator[BaseProcess]:
    """``dfu-emulator`` with ``arguments``, which has just been started."""
    process = _FORK_SERVER.Process(target=_run, args=(arguments,))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _run(arguments: Sequence[str]) -> None:
    sys.exit(main(arguments))
