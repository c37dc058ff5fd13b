"""DfuSe commands: what a DNLOAD with wBlockNum 0 carries (AN3156, UM0424).

Hosts send one before each block, so they use ``struct``, as the structures of every transfer do.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import TypeAlias

from dfu_protocol.constants import CommandCode
from dfu_protocol.errors import ProtocolError

_ADDRESSED_COMMAND = Struct("<BI")


@dataclass(frozen=True, slots=True)
class GetCommands:
    """Get: ask for the supported command codes, which UPLOAD of block 0 then returns."""

    def build(self) -> bytes:
        return bytes([CommandCode.GET])


@dataclass(frozen=True, slots=True)
class SetAddress:
    """Set Address Pointer: where the following blocks are written to or read from."""

    address: int

    def build(self) -> bytes:
        return _with_address(CommandCode.SET_ADDRESS, self.address)


@dataclass(frozen=True, slots=True)
class Erase:
    """Erase the page or sector that holds ``address``."""

    address: int

    def build(self) -> bytes:
        return _with_address(CommandCode.ERASE, self.address)


@dataclass(frozen=True, slots=True)
class MassErase:
    """Erase all of the flash."""

    def build(self) -> bytes:
        return bytes([CommandCode.ERASE])


@dataclass(frozen=True, slots=True)
class ReadUnprotect:
    """Lift the read protection: erases flash and RAM, then the device resets."""

    def build(self) -> bytes:
        return bytes([CommandCode.READ_UNPROTECT])


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any other bytes: a code that is not one of AN3156's, or a wrong length for its code."""

    data: bytes

    def build(self) -> bytes:
        return self.data


Command: TypeAlias = GetCommands | SetAddress | Erase | MassErase | ReadUnprotect | Unknown

_LONE: dict[int, GetCommands | MassErase | ReadUnprotect] = {
    CommandCode.GET: GetCommands(),
    CommandCode.ERASE: MassErase(),
    CommandCode.READ_UNPROTECT: ReadUnprotect(),
}
_ADDRESSED: dict[int, type[SetAddress] | type[Erase]] = {
    CommandCode.SET_ADDRESS: SetAddress,
    CommandCode.ERASE: Erase,
}


def parse_command(data: bytes) -> Command:
    """Say which command ``data`` is. Never fails: what is none comes back as Unknown."""
    if len(data) == 1 and data[0] in _LONE:
        return _LONE[data[0]]
    if len(data) == _ADDRESSED_COMMAND.size and data[0] in _ADDRESSED:
        code, address = _ADDRESSED_COMMAND.unpack(data)
        return _ADDRESSED[code](address)
    return Unknown(bytes(data))


def _with_address(code: CommandCode, address: int) -> bytes:
    try:
        return _ADDRESSED_COMMAND.pack(code, address)
    except StructError:
        raise ProtocolError(f"an address has 32 bits, {address:#x} does not fit") from None
