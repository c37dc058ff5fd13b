"""The chip that a test has."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from subprocess import CompletedProcess, TimeoutExpired
from typing import Any, Protocol, Unpack

import pytest
import usb.core

from dfu_emulator.advice import Adviser
from dfu_emulator.memory import Flash
from dfu_emulator.memory.region import PlainRegion
from dfu_emulator.port import DeviceGone, Occurrence, Port
from dfu_emulator.profile import Profile
from dfu_emulator.pytest_plugin.advice import AdviceGiven
from dfu_emulator.pytest_plugin.keys import Keys, refusal
from dfu_emulator.pytest_plugin.process import Finished, Word, finished, run
from dfu_emulator.pytest_plugin.trace import Trace
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.inprocess import Backend
from dfu_emulator.transports.preload import PreloadBus, PreloadError
from dfu_protocol import State, Status

TIME_LIMIT = 120
"""Seconds that ``run`` gives a command."""


class Stm32:
    """An emulated STM32 in its bootloader, plugged into a port of its own until the test ends.

    A PyUSB program in this process finds it, with ``backend`` or without; a program of its own sees it by
    ``run``, or with the variables of ``environment``.
    """

    def __init__(
        self, port: Port, occurrences: Sequence[Occurrence], adviser: Adviser, stack: ExitStack
    ) -> None:
        """``stack`` is unwound when the chip is unplugged, before all else."""
        self.port = port
        """For what there is no shorter word for here."""
        self.backend = Backend(port)
        """A PyUSB backend with this chip alone: ``usb.core.find(backend=stm32.backend)``."""
        self.finished: list[Finished] = []
        """For the report of the test: what ``run`` has run."""
        self._occurrences = occurrences
        self._adviser = adviser
        self._stack = stack
        self._environment: dict[str, str] | None = None
        self._device: Any = None

    def __repr__(self) -> str:
        return f"<{self.profile.part}, {self.state.label if self.attached else 'not on the bus'}>"

    @property
    def profile(self) -> Profile:
        """All that is known of this kind of chip."""
        return self.port.device.profile

    @property
    def attached(self) -> bool:
        """True while the chip is on the bus."""
        return self.port.attached

    def unplug(self) -> None:
        """Pull the cable, in whatever state the chip is. It keeps that."""
        self.port.pull_cable()

    def replug(self) -> None:
        """Put the cable back. The chip has a new address, and is found anew by ``device``."""
        self.port.plug_cable()

    @property
    def state(self) -> State:
        """The state of the bootloader, as GETSTATE would tell it."""
        return self.port.device.bootloader.state

    @property
    def status(self) -> Status:
        """The status of the bootloader, as GETSTATUS would tell it."""
        return self.port.device.bootloader.status

    @property
    def device(self) -> Any:
        """The chip as a ``usb.core.Device``: another one once the chip has left the bus and come back.

        Raises DeviceGone while the chip is not on the bus.
        """
        if not self.attached:
            raise DeviceGone(f"the {self.profile.part} is not on the bus")
        if self._device is None or self._device.address != self.port.address:
            self._device = usb.core.find(backend=self.backend)
        return self._device

    @property
    def flash(self) -> bytes:
        """The whole flash."""
        flash = self.port.device.bootloader.chip.flash
        return flash.read(flash.start, flash.end - flash.start)

    def read(self, address: int, length: int) -> bytes:
        """``length`` bytes of any memory of the chip, whatever the bootloader would let a host read."""
        return self._memory(address, length).read(address, length)

    def write(self, address: int, data: bytes) -> None:
        """Put ``data`` into any memory of the chip, whatever its rules: nothing has to be erased before."""
        memory = self._memory(address, len(data))
        if isinstance(memory, Flash):
            memory.disturb(address, data)
        else:
            memory.cells[address - memory.start : address - memory.start + len(data)] = data

    @property
    def trace(self) -> Trace:
        """What has happened so far."""
        return Trace(tuple(self._occurrences))

    @property
    def advice(self) -> AdviceGiven:
        """What the host has done wrong so far, and has left undone if it does no more."""
        return AdviceGiven(self._adviser.if_done_now())

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program that uses libusb sees this chip, and no other device.

        Skips the test where the preload library is missing; where the variable CI is set, fails it.
        """
        if self._environment is None:
            self._environment = self._plug_into_environment()
        return dict(self._environment)

    def run(
        self,
        command: Sequence[Word],
        *,
        cwd: Word | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - as subprocess.run has it
        timeout: float = TIME_LIMIT,
    ) -> "CompletedProcess[str]":
        """Run a command that sees this chip, to its end, whatever its exit code is.

        As ``subprocess.run`` with its output captured as text, in which carriage returns are left as they
        are. ``env`` is added to ``environment``. Raises FileNotFoundError and PermissionError for what cannot
        be run, and subprocess.TimeoutExpired after ``timeout`` seconds, when the command and what it has
        started have been killed.
        """
        __tracebackhide__ = True
        if isinstance(command, str):
            raise TypeError(f"a command is a list of words, such as ['dfu-util', '-l'], not {command!r}")
        try:
            done = run(command, {**self.environment, **(env or {})}, cwd, input, timeout)
        except TimeoutExpired as late:
            output = (str(stream or "") for stream in (late.stdout, late.stderr))
            self.finished.append(finished(command, f"killed after {timeout:g} s", *output))
            raise
        self.finished.append(finished(command, f"exit code {done.returncode}", done.stdout, done.stderr))
        return done

    def _memory(self, address: int, length: int) -> PlainRegion:
        memory = self.port.device.bootloader.chip.map.find(address)
        if not isinstance(memory, PlainRegion):
            raise IndexError(f"the {self.profile.part} has no memory at 0x{address:08X}")
        if length < 0 or address + length > memory.end:
            raise IndexError(
                f"{length} bytes from 0x{address:08X} on are not all in one memory, which ends before "
                f"0x{memory.end:08X}"
            )
        return memory

    def _plug_into_environment(self) -> dict[str, str]:
        if isinstance(self.port.clock, ManualClock):
            raise refusal('a program of its own cannot see a chip with clock="manual": its time stands still')
        try:
            return self._stack.enter_context(PreloadBus(self.port)).environment()
        except PreloadError as error:
            if os.environ.get("CI"):
                raise refusal(str(error)) from None
            pytest.skip(str(error))


class MakeStm32(Protocol):
    """The type of the fixture ``make_stm32``."""

    def __call__(self, **keys: Unpack[Keys]) -> Stm32:
        """Another chip, until the test ends."""
