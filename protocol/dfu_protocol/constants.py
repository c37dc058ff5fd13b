"""Requests, states, statuses and command codes, by their standard names and numbers."""

from enum import IntEnum, IntFlag

DFU_INTERFACE_CLASS = 0xFE
DFU_INTERFACE_SUBCLASS = 0x01
DFU_INTERFACE_PROTOCOL = 0x02

FIRST_DATA_BLOCK = 2
"""wBlockNum of the first data block; 0 is the command channel and 1 is reserved (AN3156)."""


class Request(IntEnum):
    """bRequest of the DFU class requests (DFU 1.1, table 3.2)."""

    DETACH = 0
    DNLOAD = 1
    UPLOAD = 2
    GETSTATUS = 3
    CLRSTATUS = 4
    GETSTATE = 5
    ABORT = 6

    @property
    def label(self) -> str:
        """The standard's spelling, e.g. ``DFU_GETSTATUS``."""
        return f"DFU_{self.name}"


class StandardRequest(IntEnum):
    """bRequest of the standard requests (USB 2.0, table 9-4)."""

    GET_STATUS = 0
    CLEAR_FEATURE = 1
    SET_FEATURE = 3
    SET_ADDRESS = 5
    GET_DESCRIPTOR = 6
    SET_DESCRIPTOR = 7
    GET_CONFIGURATION = 8
    SET_CONFIGURATION = 9
    GET_INTERFACE = 10
    SET_INTERFACE = 11
    SYNCH_FRAME = 12


class State(IntEnum):
    """bState (DFU 1.1, section 6.1.2)."""

    APP_IDLE = 0
    APP_DETACH = 1
    DFU_IDLE = 2
    DNLOAD_SYNC = 3
    DNBUSY = 4
    DNLOAD_IDLE = 5
    MANIFEST_SYNC = 6
    MANIFEST = 7
    MANIFEST_WAIT_RESET = 8
    UPLOAD_IDLE = 9
    ERROR = 10

    @property
    def label(self) -> str:
        """The standard's spelling, e.g. ``dfuDNLOAD-IDLE``."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    State.APP_IDLE: "appIDLE",
    State.APP_DETACH: "appDETACH",
    State.DFU_IDLE: "dfuIDLE",
    State.DNLOAD_SYNC: "dfuDNLOAD-SYNC",
    State.DNBUSY: "dfuDNBUSY",
    State.DNLOAD_IDLE: "dfuDNLOAD-IDLE",
    State.MANIFEST_SYNC: "dfuMANIFEST-SYNC",
    State.MANIFEST: "dfuMANIFEST",
    State.MANIFEST_WAIT_RESET: "dfuMANIFEST-WAIT-RESET",
    State.UPLOAD_IDLE: "dfuUPLOAD-IDLE",
    State.ERROR: "dfuERROR",
}


class Status(IntEnum):
    """bStatus (DFU 1.1, section 6.1.2)."""

    OK = 0
    TARGET = 1
    FILE = 2
    WRITE = 3
    ERASE = 4
    CHECK_ERASED = 5
    PROG = 6
    VERIFY = 7
    ADDRESS = 8
    NOTDONE = 9
    FIRMWARE = 10
    VENDOR = 11
    USBR = 12
    POR = 13
    UNKNOWN = 14
    STALLEDPKT = 15

    @property
    def label(self) -> str:
        """The standard's spelling, e.g. ``errTARGET``."""
        return "OK" if self is Status.OK else f"err{self.name}"

    @property
    def meaning(self) -> str:
        """What it says of an STM32, in a few words for a person."""
        return _STATUS_MEANINGS[self]


_STATUS_MEANINGS = {
    Status.OK: "no error",
    Status.TARGET: "the address is outside what the bootloader may touch",
    Status.FILE: "the file is not for this device",
    Status.WRITE: "the memory could not be written",
    Status.ERASE: "the memory could not be erased",
    Status.CHECK_ERASED: "the memory is not blank after its erase",
    Status.PROG: "programming failed: misaligned, or not erased before",
    Status.VERIFY: "what was programmed reads back differently",
    Status.ADDRESS: "the address is out of range",
    Status.NOTDONE: "the download ended before the firmware was whole",
    Status.FIRMWARE: "the firmware in flash is not valid",
    Status.VENDOR: "the memory is read protected",
    Status.USBR: "an unexpected bus reset",
    Status.POR: "an unexpected power-on reset",
    Status.UNKNOWN: "an unexpected request was answered with an error",
    Status.STALLEDPKT: "the request was not allowed in that state, or malformed, and was stalled",
}


class CommandCode(IntEnum):
    """First byte of a DNLOAD with wBlockNum 0 (AN3156)."""

    GET = 0x00
    SET_ADDRESS = 0x21
    ERASE = 0x41
    READ_UNPROTECT = 0x92


class Attributes(IntFlag):
    """bmAttributes of the DFU functional descriptor (DFU 1.1, table 4.2)."""

    CAN_DNLOAD = 0x01
    CAN_UPLOAD = 0x02
    MANIFESTATION_TOLERANT = 0x04
    WILL_DETACH = 0x08
