"""USB/IP transport: Linux (vhci_hcd) and Windows (usbip-win2) machines import the devices over TCP.

Nothing of USB is needed here. Protocol version 1.1.1, as Linux' Documentation/usb/usbip_protocol.rst has it.
"""

from dfu_emulator.transports.usbip.server import DEFAULT_HOST, DEFAULT_PORT, UsbipServer

__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "UsbipServer"]
