"""A device that clients may import: its name on the bus, what they are told of it, and who has it."""

from typing import Any

from dfu_emulator.port import Port
from dfu_emulator.transports.usbip.session import Session
from dfu_emulator.transports.usbip.wire import SPEED_FULL
from dfu_emulator.usb_device import CONFIGURATION_VALUE
from dfu_protocol import DFU_INTERFACE_CLASS, DFU_INTERFACE_PROTOCOL, DFU_INTERFACE_SUBCLASS
from dfu_protocol.descriptors import DEVICE

_BUSNUM = 1
_ROOT_HUB = 1
"""The root hub's devnum; the devices follow."""


class Export:
    """The device at ``port``, as the one in socket ``number`` of bus 1."""

    def __init__(self, port: Port, number: int) -> None:
        self.port = port
        self.busid = f"{_BUSNUM}-{number}"
        self._devnum = _ROOT_HUB + number
        self.session: Session | None = None
        """Of the client that has imported it."""

    @property
    def devid(self) -> int:
        """What an importer names the device by."""
        return _BUSNUM << 16 | self._devnum

    def describe(self) -> dict[str, Any]:
        """The fields of usbip_usb_device, as from a machine that has configured the device before."""
        descriptor = DEVICE.parse(self.port.device.device_descriptor)
        return dict(descriptor) | {
            "path": f"/sys/devices/dfu-emulator/usb{_BUSNUM}/{self.busid}",
            "busid": self.busid,
            "busnum": _BUSNUM,
            "devnum": self._devnum,
            "speed": SPEED_FULL,
            "bConfigurationValue": CONFIGURATION_VALUE,
            "bNumInterfaces": 1,
        }

    def describe_interfaces(self) -> list[dict[str, int]]:
        """The fields of each usbip_usb_interface."""
        return [
            {
                "bInterfaceClass": DFU_INTERFACE_CLASS,
                "bInterfaceSubClass": DFU_INTERFACE_SUBCLASS,
                "bInterfaceProtocol": DFU_INTERFACE_PROTOCOL,
            }
        ]
