"""The URBs of a client that has imported a device, from the import until one of the two leaves."""

import asyncio
import errno
from collections.abc import Callable
from typing import NamedTuple

from dfu_emulator.bootloader import ACKNOWLEDGED, NEVER, Reply
from dfu_emulator.port import DeviceGone, Port
from dfu_emulator.transports.usbip.wire import (
    DIR_OUT,
    HEADER_BASIC,
    HEADER_SIZE,
    CmdSubmit,
    CmdUnlink,
    Command,
    ret_submit,
    ret_unlink,
)
from dfu_protocol import SetupPacket, StandardRequest

MAX_TRANSFER = 64 * 1024
"""wLength has 16 bits, so no client has a use for more."""
MAX_PENDING = 256
LINGER = 5.0
"""Seconds for which a client that does not read may keep a connection that has been closed."""

_TICK = 1e-6
_HUB_PORT, _PORT_RESET = 0x23, 4


class ProtocolViolation(Exception):
    """The client sent what no USB/IP client sends; there is no way to go on."""


class _Pending(NamedTuple):
    """An URB that has no answer yet."""

    setup: SetupPacket
    sent: int
    """When it came, in microseconds of the port's clock."""
    reached: bool
    """False while the chip is too busy to take it."""
    timer: asyncio.TimerHandle | None
    """What goes on with it; None for what the device never answers."""

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Session:
    """Carries URBs to the device that is at ``port`` now, and bounded numbers of replies back."""

    def __init__(
        self, port: Port, devid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = port.address
        self._port = port
        self._devid = devid
        self._reader = reader
        self._writer = writer
        self._pending: dict[int, _Pending] = {}
        """By seqnum: what has no answer yet."""
        self._held_until = 0.0
        self._leaving = False

    async def run(self) -> None:
        """Serve until the device has left. Raises ProtocolViolation, and what reading raises at the end."""
        try:
            while not self._writer.is_closing():
                await self._serve_one()
                # A client that does not read its answers is not asked for more.
                await self._writer.drain()
        finally:
            for pending in self._pending.values():
                pending.cancel()

    def leave(self) -> None:
        """The device has left the bus: end, as soon as the client has all that was answered before."""
        self._leaving = True
        self._end_if_done()

    async def _serve_one(self) -> None:
        header = await self._reader.readexactly(HEADER_SIZE)
        command, _seqnum, devid, _direction, _ep = HEADER_BASIC.unpack_from(header)
        if devid != self._devid:
            raise ProtocolViolation(f"devid {devid:#x}")
        if command == Command.CMD_SUBMIT:
            await self._submit(CmdSubmit.parse(header))
        elif command == Command.CMD_UNLINK:
            self._unlink(CmdUnlink.parse(header))
        else:
            raise ProtocolViolation(f"command {command}")

    async def _submit(self, command: CmdSubmit) -> None:
        length = command.transfer_buffer_length
        if length > MAX_TRANSFER or len(self._pending) >= MAX_PENDING or command.seqnum in self._pending:
            raise ProtocolViolation(f"seqnum {command.seqnum}, {length} bytes")
        data = b""
        if command.direction == DIR_OUT and length:
            data = await self._reader.readexactly(length)
        if command.ep:
            self._writer.write(ret_submit(command, -errno.ENOENT))
            return
        self._carry_out(command, SetupPacket.parse(command.setup), data, self._port.clock.now())

    def _carry_out(self, command: CmdSubmit, setup: SetupPacket, data: bytes, sent: int) -> None:
        """Hand the request to the device, or wait as long as that is too busy to take it."""
        self._pending.pop(command.seqnum, None)
        if silent := self._port.silent_for():
            again = self._later(silent, self._carry_out, command, setup, data, sent)
            self._pending[command.seqnum] = _Pending(setup, sent, False, again)
            return
        try:
            reply = self._control(setup, data, sent)
        except DeviceGone:
            self._writer.write(ret_submit(command, -errno.ESHUTDOWN))
            self._end_if_done()
            return
        answer = _answer(command, len(data), reply.data)
        if reply.hold:
            answers = reply.hold < NEVER
            timer = self._later(reply.hold, self._finish, command.seqnum, answer) if answers else None
            self._pending[command.seqnum] = _Pending(setup, sent, True, timer)
        else:
            self._writer.write(answer)
            self._end_if_done()

    def _later(self, microseconds: int, call: Callable[..., None], *arguments: object) -> asyncio.TimerHandle:
        """What waits goes on in order, however close together."""
        loop = asyncio.get_running_loop()
        self._held_until = max(self._held_until + _TICK, loop.time() + microseconds / 1e6)
        return loop.call_at(self._held_until, call, *arguments)

    def _control(self, setup: SetupPacket, data: bytes, sent: int) -> Reply:
        if setup[:3] == (_HUB_PORT, StandardRequest.SET_FEATURE, _PORT_RESET):
            # Clients that reset the bus tell so by this request to a hub, which the device is not to see.
            self._port.reset_and_restore(self.address)
            return ACKNOWLEDGED
        return self._port.control(setup, data, self.address, sent)

    def _finish(self, seqnum: int, answer: bytes) -> None:
        del self._pending[seqnum]
        self._writer.write(answer)
        self._end_if_done()

    def _unlink(self, command: CmdUnlink) -> None:
        pending = self._pending.pop(command.unlink_seqnum, None)
        if pending is not None:
            # What the device has done stays done; the client does not hear of it.
            pending.cancel()
            self._port.give_up(pending.setup, pending.sent, self.address, reached=pending.reached)
        self._writer.write(ret_unlink(command.seqnum, -errno.ECONNRESET if pending is not None else 0))
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._leaving and not any(pending.timer for pending in self._pending.values()):
            self._writer.close()
            asyncio.get_running_loop().call_later(LINGER, self._writer.transport.abort)


def _answer(command: CmdSubmit, sent: int, received: bytes | None) -> bytes:
    if received is None:
        return ret_submit(command, -errno.EPIPE)
    if command.direction == DIR_OUT:
        return ret_submit(command, 0, sent)
    room = command.transfer_buffer_length
    if len(received) > room:
        return ret_submit(command, -errno.EOVERFLOW, room, received[:room])
    return ret_submit(command, 0, len(received), received)
