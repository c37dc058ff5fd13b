"""What a DfuSe host and device must agree on: numbers, names and byte layouts. No behaviour.

Sources: USB DFU 1.1 (USB-IF), AN3156 (DFU protocol of the STM32 bootloader), UM0424 and UM0391
(the DfuSe extension and its file format), USB 2.0 chapter 9.
"""

from dfu_protocol.commands import (
    Command,
    Erase,
    GetCommands,
    MassErase,
    ReadUnprotect,
    SetAddress,
    Unknown,
    parse_command,
)
from dfu_protocol.constants import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    FIRST_DATA_BLOCK,
    Attributes,
    CommandCode,
    Request,
    StandardRequest,
    State,
    Status,
)
from dfu_protocol.control import SetupPacket, StatusReply
from dfu_protocol.errors import ProtocolError
from dfu_protocol.layout import Access, Layout, Segment, parse_layout

__version__ = "0.1.0"

__all__ = [
    "DFU_INTERFACE_CLASS",
    "DFU_INTERFACE_PROTOCOL",
    "DFU_INTERFACE_SUBCLASS",
    "FIRST_DATA_BLOCK",
    "Access",
    "Attributes",
    "Command",
    "CommandCode",
    "Erase",
    "GetCommands",
    "Layout",
    "MassErase",
    "ProtocolError",
    "ReadUnprotect",
    "Request",
    "Segment",
    "SetAddress",
    "SetupPacket",
    "StandardRequest",
    "State",
    "Status",
    "StatusReply",
    "Unknown",
    "parse_command",
    "parse_layout",
]
