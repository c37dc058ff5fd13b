"""How a host sees the device: descriptors and strings."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from dfu_emulator.profile.model.section import U8, U16, U32, Section


class SerialRule(Enum):
    """How the ROM makes the serial number from the 96-bit unique id (UID0, UID1, UID2)."""

    UID_SUM = "uid-sum"
    """%08X of UID0 + UID2, then %04X of the upper half of UID1."""
    UID_SUM_UID2 = "uid-sum-uid2"
    """%08X of UID0 + UID2, then %04X of the upper half of UID2."""
    FIXED = "fixed"
    """The text in ``fixed_serial``, the same on every chip."""


class Configuration(Section, frozen=True):
    """Configuration descriptor."""

    bmAttributes: U8
    bMaxPower: U8


class LoneFunctional(Enum):
    """GET_DESCRIPTOR for the DFU functional descriptor by itself, to the interface."""

    ANSWER = "answer"
    SILENCE = "silence"
    """It is NAKed until the host gives up."""


class Usb(Section, frozen=True):
    """Device descriptor and strings."""

    bcdUSB: U16
    idVendor: U16
    idProduct: U16
    bcdDevice: U16
    bMaxPacketSize0: U8
    manufacturer: str
    product: str
    serial: SerialRule
    configuration: Configuration
    fixed_serial: str | None = None
    serial_addend: U32 = 0
    """What the ROM adds to UID0 + UID2."""
    device_status: U16 | None = None
    """What GET_STATUS tells of the device; None: as bmAttributes says."""
    lone_functional: LoneFunctional = LoneFunctional.ANSWER


class DfuFunctional(Section, frozen=True):
    """DFU functional descriptor."""

    bmAttributes: U8
    wDetachTimeOut: U16
    wTransferSize: Annotated[int, Meta(ge=8, le=4096)]
    bcdDFUVersion: U16
