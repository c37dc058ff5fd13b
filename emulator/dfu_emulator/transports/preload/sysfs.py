"""The folder that libumockdev-preload shows a program as /sys and /dev, with one USB device on bus 1."""

import shutil
from pathlib import Path

from dfu_emulator.usb_device import CONFIGURATION_VALUE, UsbDevice

BUS = 1
_NAME = "1-1"
_USB_MAJOR = 189
_DEVICES = Path("sys/devices/dfu-emulator/usb1")
_BUS_DEVICES = Path("sys/bus/usb/devices")
DEVICE_PATH = f"/{_DEVICES.relative_to('sys')}/{_NAME}"


def node_path(address: int) -> str:
    """The device node, e.g. ``/dev/bus/usb/001/002``."""
    return f"/dev/bus/usb/{BUS:03d}/{address:03d}"


def socket_path(root: Path, address: int) -> Path:
    """Where libumockdev-preload looks for the socket of a device node."""
    return root / "ioctl" / node_path(address).lstrip("/")


def uevent_properties(device: UsbDevice, address: int) -> dict[str, str]:
    """The kernel's uevent of the device."""
    usb = device.profile.usb
    return {
        "MAJOR": str(_USB_MAJOR),
        "MINOR": str(_minor(address)),
        "DEVNAME": node_path(address).removeprefix("/dev/"),
        "DEVTYPE": "usb_device",
        "DRIVER": "usb",
        "PRODUCT": f"{usb.idVendor:x}/{usb.idProduct:x}/{usb.bcdDevice:x}",
        "TYPE": "0/0/0",
        "BUSNUM": f"{BUS:03d}",
        "DEVNUM": f"{address:03d}",
    }


def create(root: Path) -> None:
    """An empty bus."""
    for folder in (_DEVICES, _BUS_DEVICES, Path("sys/class"), Path("dev/.node")):
        (root / folder).mkdir(parents=True)
    socket_path(root, 0).parent.mkdir(parents=True)
    (root / node_path(0).lstrip("/")).parent.mkdir(parents=True)


def add(root: Path, device: UsbDevice, address: int) -> None:
    """Show ``device``. It is made elsewhere and moved in, so that no program sees half of it."""
    node = root / node_path(address).lstrip("/")
    node.write_bytes(device.device_descriptor + device.configuration_descriptor)
    _link(root / "dev/.node" / f"bus_usb_{BUS:03d}_{address:03d}", f"{_USB_MAJOR}:{_minor(address)}")
    draft = root / "draft"
    draft.mkdir()
    _write_attributes(draft, _device_attributes(device, address))
    _link(draft / "subsystem", "../../../../bus/usb")
    interface = draft / f"{_NAME}:{CONFIGURATION_VALUE}.0"
    interface.mkdir()
    _write_attributes(interface, _interface_attributes(device))
    _link(interface / "subsystem", "../../../../../bus/usb")
    draft.rename(root / _DEVICES / _NAME)
    for name, target in ((interface.name, f"{_NAME}/{interface.name}"), (_NAME, _NAME)):
        _link(root / _BUS_DEVICES / name, f"../../../devices/dfu-emulator/usb1/{target}")


def remove(root: Path, address: int) -> None:
    """Take away what add showed, in the reverse order."""
    for name in (_NAME, f"{_NAME}:{CONFIGURATION_VALUE}.0"):
        (root / _BUS_DEVICES / name).unlink()
    trash = root / f"removed-{address}"
    (root / _DEVICES / _NAME).rename(trash)
    shutil.rmtree(trash)
    (root / "dev/.node" / f"bus_usb_{BUS:03d}_{address:03d}").unlink()
    (root / node_path(address).lstrip("/")).unlink()


def _minor(address: int) -> int:
    return (BUS - 1) * 128 + address - 1


def _device_attributes(device: UsbDevice, address: int) -> dict[str, str | bytes]:
    usb = device.profile.usb
    properties = uevent_properties(device, address)
    return {
        "authorized": "1",
        "bConfigurationValue": f"{device.configuration}",
        "bDeviceClass": "00",
        "bDeviceProtocol": "00",
        "bDeviceSubClass": "00",
        "bMaxPacketSize0": f"{usb.bMaxPacketSize0}",
        "bMaxPower": f"{usb.configuration.bMaxPower * 2}mA",
        "bNumConfigurations": "1",
        "bNumInterfaces": " 1",
        "bcdDevice": f"{usb.bcdDevice:04x}",
        "bmAttributes": f"{usb.configuration.bmAttributes:02x}",
        "busnum": f"{BUS}",
        "configuration": "",
        "descriptors": device.device_descriptor + device.configuration_descriptor,
        "dev": f"{_USB_MAJOR}:{_minor(address)}",
        "devnum": f"{address}",
        "devpath": "1",
        "idProduct": f"{usb.idProduct:04x}",
        "idVendor": f"{usb.idVendor:04x}",
        "manufacturer": usb.manufacturer,
        "maxchild": "0",
        "product": usb.product,
        "removable": "unknown",
        "serial": device.serial,
        "speed": "12",
        "uevent": "\n".join(f"{key}={value}" for key, value in properties.items()),
        "version": f"{usb.bcdUSB >> 8:2x}.{usb.bcdUSB & 0xFF:02x}",
    }


def _interface_attributes(device: UsbDevice) -> dict[str, str | bytes]:
    return {
        "bAlternateSetting": " 0",
        "bInterfaceClass": "fe",
        "bInterfaceNumber": "00",
        "bInterfaceProtocol": "02",
        "bInterfaceSubClass": "01",
        "bNumEndpoints": "00",
        "interface": device.profile.alternates[0],
        "uevent": "DEVTYPE=usb_interface\nINTERFACE=254/1/2",
    }


def _write_attributes(folder: Path, attributes: dict[str, str | bytes]) -> None:
    for name, value in attributes.items():
        (folder / name).write_bytes(value if isinstance(value, bytes) else f"{value}\n".encode())


def _link(path: Path, target: str) -> None:
    path.symlink_to(target)
