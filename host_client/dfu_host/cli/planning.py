"""From a firmware file to what goes where on a device; nothing is sent yet."""

from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli.device_options import layout_of
from dfu_host.errors import FileError, UsageError
from dfu_host.firmware import Firmware
from dfu_host.plan import Plan, plan_write
from dfu_protocol.firmware_file import Element

_ANY_ID = 0xFFFF


def plans(device: DfuDevice, firmware: Firmware, choice: str | None, align: int) -> list[Plan]:
    """One plan for each alternate setting that the firmware has data for."""
    suffix = firmware.suffix
    ids = (device.usb.idVendor, device.usb.idProduct)
    if suffix and not (suffix.idVendor in (_ANY_ID, ids[0]) and suffix.idProduct in (_ANY_ID, ids[1])):
        raise FileError(
            f"the file is for {suffix.idVendor:04x}:{suffix.idProduct:04x}, the device is {device.ids}"
        )
    elements: dict[Alternate, list[Element]] = {}
    for image in firmware.images:
        if image.alternate is not None and choice is not None:
            raise UsageError("a DfuSe file says itself which alternate settings it is for: leave out --alt")
        try:
            alternate = device.alternate(choice if image.alternate is None else str(image.alternate))
        except UsageError as error:
            if image.alternate is None:
                raise
            raise FileError(f"the file does not fit the device: {error}") from None
        elements.setdefault(alternate, []).extend(image.elements)
    return [plan_write(a.number, layout_of(a), data, align) for a, data in elements.items()]
