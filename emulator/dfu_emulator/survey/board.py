"""Reads a board that is plugged in. Nothing of it is erased or written.

The DFU requests that are sent: GETSTATE, GETSTATUS, CLRSTATUS, ABORT, an UPLOAD of block 0, which has the
commands, and, if the descriptor says DfuSe, a DNLOAD of Set Address Pointer to the start of the flash.
"""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import usb.control
import usb.core
import usb.util
from construct import ConstructError

from dfu_emulator.survey.survey import Survey, SurveyError
from dfu_protocol import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    CommandCode,
    ProtocolError,
    Request,
    SetAddress,
    SetupPacket,
    StandardRequest,
    State,
    Status,
    StatusReply,
    parse_layout,
)
from dfu_protocol.control import STATUS_REPLY
from dfu_protocol.descriptors import (
    DFU_FUNCTIONAL,
    DescriptorType,
    find_dfu_functional,
    split_string,
)
from dfu_protocol.firmware_file import DFUSE_VERSION

_US_ENGLISH = 0x0409
_STRING_MAX = 255
_FROM_DEVICE = 0x80
_PATIENCE = 5000
"""Milliseconds for each request."""
_COMMANDS_MAX = 64
_ROUNDS = 8
_BUSY_PAUSE = 0.01
_INTERFACE = (DFU_INTERFACE_CLASS, DFU_INTERFACE_SUBCLASS, DFU_INTERFACE_PROTOCOL)
_ABORTABLE = {State.DNLOAD_SYNC, State.DNLOAD_IDLE, State.MANIFEST_SYNC, State.UPLOAD_IDLE}
_DEVICE_FIELDS = ("bcdUSB", "bMaxPacketSize0", "idVendor", "idProduct", "bcdDevice")
_DFU_FIELDS = ("bmAttributes", "wDetachTimeOut", "wTransferSize", "bcdDFUVersion")


@dataclass(frozen=True)
class Board:
    """A device with a DFU interface on the bus; ``settings`` are its alternate settings."""

    device: usb.core.Device
    configuration: usb.core.Configuration
    settings: Sequence[usb.core.Interface]

    @cached_property
    def serial(self) -> str | None:
        """The serial number; None where it has none or does not let us read it."""
        try:
            return self.string(self.device.iSerialNumber)[0] or None
        except SurveyError:
            return None
        finally:
            usb.util.dispose_resources(self.device)

    @property
    def path(self) -> str | None:
        """``BUS-PORT.PORT...`` as Linux names it."""
        ports = self.device.port_numbers
        return f"{self.device.bus}-{'.'.join(map(str, ports))}" if ports else None

    def string(self, index: int) -> tuple[str, bytes]:
        """A string of the device, and the bytes behind it that are no text."""
        if not index:
            return "", b""
        with _usb_errors("reading its strings"):
            descriptor = usb.control.get_descriptor(
                self.device, _STRING_MAX, DescriptorType.STRING, index, _US_ENGLISH
            )
        try:
            return split_string(bytes(descriptor))
        except ProtocolError:
            raise SurveyError(f"string {index} of the board is no string descriptor") from None


def find_boards(backend: object | None = None) -> list[Board]:
    """All devices in a DFU bootloader, by any PyUSB backend (None: libusb). SurveyError if there are none."""
    with _usb_errors("looking for boards"):
        devices = list(usb.core.find(find_all=True, backend=backend))
    boards = [board for device in devices for board in _boards(device)]
    if not boards:
        raise SurveyError(
            "no board in its DFU bootloader was found: plug it in, and reset it with BOOT0 high; "
            "'dfu-util -l' has to show it"
        )
    return boards


def _boards(device: usb.core.Device) -> Iterator[Board]:
    with suppress(usb.core.USBError, NotImplementedError):  # its descriptors cannot be read
        for configuration in device:
            settings = [
                setting
                for setting in configuration
                if (setting.bInterfaceClass, setting.bInterfaceSubClass, setting.bInterfaceProtocol)
                == _INTERFACE
            ]
            if settings:
                yield Board(device, configuration, sorted(settings, key=lambda s: s.bAlternateSetting))
                return


def survey_board(board: Board, sleep: Callable[[float], None] = time.sleep) -> Survey:
    """Read ``board`` and leave it in dfuIDLE; ``sleep`` waits so many seconds. Raises SurveyError."""
    try:
        texts = [board.string(setting.iInterface) for setting in board.settings]
        values = dict(_descriptors(board))
        tails = [tail for _, tail in texts]
        while tails and not tails[-1]:
            tails.pop()
        values["alternate_tails"] = tuple(tails)
        probe = _Probe(board, sleep)
        probe.run(texts[0][0], values.get("dfu.bcdDFUVersion") == DFUSE_VERSION)
    finally:
        usb.util.dispose_resources(board.device)
    return Survey(
        means="descriptors, strings and DFU_GETSTATUS",
        alternates=tuple(text for text, _ in texts),
        values=values | probe.values,
        serial=board.serial,
        path=board.path,
        notes=tuple(probe.notes),
    )


def _descriptors(board: Board) -> Iterator[tuple[str, Any]]:
    device, configuration = board.device, board.configuration
    for name in _DEVICE_FIELDS:
        yield f"usb.{name}", getattr(device, name)
    yield "usb.manufacturer", board.string(device.iManufacturer)[0]
    yield "usb.product", board.string(device.iProduct)[0]
    yield "usb.configuration.bmAttributes", configuration.bmAttributes
    yield "usb.configuration.bMaxPower", configuration.bMaxPower
    with _usb_errors("GET_STATUS"):
        status = device.ctrl_transfer(_FROM_DEVICE, StandardRequest.GET_STATUS, 0, 0, 2, _PATIENCE)
    yield "usb.device_status", int.from_bytes(bytes(status), "little")
    for extra in (
        *(setting.extra_descriptors for setting in board.settings),
        configuration.extra_descriptors,
    ):
        with suppress(ProtocolError, ConstructError):
            if descriptor := find_dfu_functional(bytes(extra)):
                fields = DFU_FUNCTIONAL.parse(descriptor)
                yield from ((f"dfu.{name}", fields[name]) for name in _DFU_FIELDS)
                return


class _Probe:
    """What the bootloader answers to requests that change nothing in its memories."""

    def __init__(self, board: Board, sleep: Callable[[float], None]) -> None:
        self._device = board.device
        self._interface = board.settings[0].bInterfaceNumber
        self._sleep = sleep
        self.values: dict[str, Any] = {}
        self.notes: list[str] = []

    def run(self, flash: str, is_dfuse: bool) -> None:
        """Fill ``values`` and ``notes``; ``flash`` is the layout string of the first alternate setting."""
        try:
            try:
                self._first_contact()
                self._settle()
                self.values["timing.poll_timeout.idle"] = self._status().bwPollTimeout
                self._commands()
                if is_dfuse:
                    self._set_address(parse_layout(flash).segments[0].address)
            finally:
                self._settle()
        except (usb.core.USBError, ProtocolError, ValueError, IndexError) as error:
            self.notes.append(f"Not all answers to DFU requests could be read: {error}.")

    def _first_contact(self) -> None:
        state = self._state()
        if state not in (State.DFU_IDLE, State.ERROR):
            return  # GETSTATUS could start what an earlier program has left behind
        status = self._status().bStatus
        if state is State.ERROR and status is Status.FIRMWARE:
            self.values["bootloader.first_contact"] = status.label
        else:
            self.notes.append(
                f"The first DFU_GETSTATUS said {state.label}, {status.label}. If nothing had talked to the "
                "board since its reset, that is bootloader.first_contact."
            )

    def _commands(self) -> None:
        commands = self._ask(Request.UPLOAD, 0, _COMMANDS_MAX)
        if commands:
            self.values["bootloader.commands"] = tuple(commands)
        self._settle()

    def _set_address(self, address: int) -> None:
        if CommandCode.SET_ADDRESS not in self.values.get("bootloader.commands", ()):
            return
        self._ask(Request.DNLOAD, 0, SetAddress(address).build())
        started = self._status()
        if started.bState is State.DNBUSY:
            self.values["timing.poll_timeout.set_address"] = started.bwPollTimeout
        self._sleep(started.bwPollTimeout / 1000)

    def _settle(self) -> None:
        """Bring the device to dfuIDLE. A block that waits for its GETSTATUS is dropped."""
        for _ in range(_ROUNDS):
            state = self._state()
            if state is State.DFU_IDLE:
                return
            with suppress(usb.core.USBError):  # the state tells what came of it
                if state is State.ERROR:
                    self._ask(Request.CLRSTATUS, 0, b"")
                elif state in _ABORTABLE:
                    self._ask(Request.ABORT, 0, b"")
                elif state is State.DNBUSY:
                    self._sleep(max(self._status().bwPollTimeout / 1000, _BUSY_PAUSE))
        raise ProtocolError(f"it stays in {state.label}")

    def _state(self) -> State:
        return State(self._ask(Request.GETSTATE, 0, 1)[0])

    def _status(self) -> StatusReply:
        return StatusReply.parse(self._ask(Request.GETSTATUS, 0, STATUS_REPLY.size))

    def _ask(self, request: Request, block: int, payload: bytes | int) -> bytes:
        """One request: ``payload`` is the data to send, or how many bytes to ask for."""
        length = payload if isinstance(payload, int) else len(payload)
        kind, number, value, index, _ = SetupPacket.dfu(request, block, length, self._interface)
        answer = self._device.ctrl_transfer(kind, number, value, index, payload, _PATIENCE)
        return b"" if isinstance(answer, int) else bytes(answer)


@contextmanager
def _usb_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except usb.core.NoBackendError:
        raise SurveyError("libusb 1.0 was not found: install it (Debian and Ubuntu: libusb-1.0-0)") from None
    except NotImplementedError:
        raise SurveyError(
            f"{doing}: libusb cannot use the driver that the operating system has for the board"
            " (Windows: install WinUSB for it, for example with Zadig)"
        ) from None
    except usb.core.USBError as error:
        advice = ""
        if error.errno in (errno.EACCES, errno.EPERM):
            advice = "; run the command as root, or add a udev rule that lets you open the device"
        raise SurveyError(f"{doing}: {error.strerror or error}{advice}") from None
