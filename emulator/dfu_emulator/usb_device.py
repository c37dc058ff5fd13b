"""USB 2.0 chapter 9 around the bootloader: descriptors, strings, configuration, alternate settings."""

from collections.abc import Callable

from dfu_emulator.bootloader import ACKNOWLEDGED, NEVER, Bootloader, Reply, stalled
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_protocol import (
    DFU_INTERFACE_CLASS,
    DFU_INTERFACE_PROTOCOL,
    DFU_INTERFACE_SUBCLASS,
    SetupPacket,
    StandardRequest,
)
from dfu_protocol.control import CLASS, INTERFACE
from dfu_protocol.descriptors import (
    CONFIGURATION,
    DEVICE,
    DFU_FUNCTIONAL,
    DescriptorType,
    build_languages,
    build_string,
)
from dfu_protocol.descriptors import INTERFACE as INTERFACE_DESCRIPTOR

CONFIGURATION_VALUE = 1
_US_ENGLISH = 0x0409
_MANUFACTURER, _PRODUCT, _SERIAL, _FIRST_ALTERNATE = 1, 2, 3, 4
_SELF_POWERED = 0x40

_ENDPOINT_HALT = 0
_TYPE_AND_RECIPIENT, _CLASS_TO_INTERFACE = 0x7F, CLASS << 5 | INTERFACE
_UNSUPPORTED = stalled("the device has no such thing, or not in this state")


class UsbDevice:
    """What a host sees of the chip. Every request is answered; a malformed one with a STALL."""

    def __init__(self, profile: Profile, bootloader: Bootloader, serial: str) -> None:
        self.profile = profile
        self.bootloader = bootloader
        self.serial = serial
        self.device_descriptor = _device_descriptor(profile)
        self.configuration_descriptor = configuration_descriptor(profile)
        self.strings = [
            build_languages(_US_ENGLISH),
            build_string(profile.usb.manufacturer),
            build_string(profile.usb.product),
            build_string(serial),
            *(build_string(name, tail) for name, tail in profile.alternate_strings),
        ]
        self._functional = _functional_descriptor(profile)
        self._configuration = 0
        self._alternate = 0
        self._standard: dict[tuple[int, int], Callable[[SetupPacket], Reply]] = {
            (0x80, StandardRequest.GET_STATUS): self._get_device_status,
            (0x81, StandardRequest.GET_STATUS): self._get_interface_status,
            (0x82, StandardRequest.GET_STATUS): self._get_endpoint_status,
            (0x02, StandardRequest.CLEAR_FEATURE): self._clear_endpoint_feature,
            (0x00, StandardRequest.SET_ADDRESS): self._set_address,
            (0x80, StandardRequest.GET_DESCRIPTOR): self._get_descriptor,
            (0x81, StandardRequest.GET_DESCRIPTOR): self._get_interface_descriptor,
            (0x80, StandardRequest.GET_CONFIGURATION): self._get_configuration,
            (0x00, StandardRequest.SET_CONFIGURATION): self._set_configuration,
            (0x81, StandardRequest.GET_INTERFACE): self._get_interface,
            (0x01, StandardRequest.SET_INTERFACE): self._set_interface,
        }

    def control(self, setup: SetupPacket, data: bytes = b"", now: int = 0) -> Reply:
        """Answer one control transfer at ``now`` (microseconds); ``data`` is an OUT data stage."""
        kind, request, _value, index, length = setup
        if kind < 0x80 and len(data) != length:
            return stalled(f"wLength is {length}, the data stage has {len(data)} bytes")
        if kind & _TYPE_AND_RECIPIENT == _CLASS_TO_INTERFACE:
            if not self._configuration:
                return stalled("the device is not configured")
            if index:
                return stalled("the only interface is 0")
            return self.bootloader.handle(setup, data, now)
        handler = self._standard.get((kind, request))
        reply = handler(setup) if handler else _UNSUPPORTED
        held = self.bootloader.silent_for(now)
        return reply._replace(hold=reply.hold + held) if held else reply

    def takes_data(self, setup: SetupPacket) -> bool:
        """Whether the data stage of an OUT request is taken or stalled. Nothing happens."""
        if setup.bmRequestType & _TYPE_AND_RECIPIENT == _CLASS_TO_INTERFACE:
            return not setup.wIndex and bool(self._configuration) and self.bootloader.takes_data(setup)
        return (setup.bmRequestType, setup.bRequest) in self._standard

    def bus_reset(self) -> None:
        """Back to the default state: unconfigured.

        The resets by which an operating system takes in a new device end nothing: nobody has begun anything.
        """
        if self._configuration:
            self.bootloader.bus_reset()
        self._configuration = self._alternate = 0

    @property
    def alternate_setting(self) -> int:
        """The alternate setting that SET_INTERFACE chose last."""
        return self._alternate

    @property
    def configuration(self) -> int:
        """The configuration that SET_CONFIGURATION chose last; 0 is none."""
        return self._configuration

    def _get_device_status(self, setup: SetupPacket) -> Reply:
        usb = self.profile.usb
        status = usb.device_status
        if status is None:
            status = int(bool(usb.configuration.bmAttributes & _SELF_POWERED))
        return Reply(status.to_bytes(2, "little")[: setup.wLength])

    def _get_interface_status(self, setup: SetupPacket) -> Reply:
        if setup.wIndex or not self._configuration:
            return _UNSUPPORTED
        return Reply(bytes(2)[: setup.wLength])

    def _get_endpoint_status(self, setup: SetupPacket) -> Reply:
        return _UNSUPPORTED if setup.wIndex & 0x7F else Reply(bytes(2)[: setup.wLength])

    def _clear_endpoint_feature(self, setup: SetupPacket) -> Reply:
        return _UNSUPPORTED if setup.wIndex & 0x7F or setup.wValue != _ENDPOINT_HALT else ACKNOWLEDGED

    def _set_address(self, _setup: SetupPacket) -> Reply:
        return ACKNOWLEDGED

    def _get_descriptor(self, setup: SetupPacket) -> Reply:
        kind, index = divmod(setup.wValue, 256)
        found: bytes | None = None
        if kind == DescriptorType.DEVICE and not index:
            found = self.device_descriptor
        elif kind == DescriptorType.CONFIGURATION and not index:
            found = self.configuration_descriptor
        elif kind == DescriptorType.STRING and index < len(self.strings):
            found = self.strings[index]
        return _UNSUPPORTED if found is None else Reply(found[: setup.wLength])

    def _get_interface_descriptor(self, setup: SetupPacket) -> Reply:
        if setup.wValue != DescriptorType.DFU_FUNCTIONAL << 8 or setup.wIndex:
            return _UNSUPPORTED
        silent = self.profile.usb.lone_functional is LoneFunctional.SILENCE
        return Reply(self._functional[: setup.wLength], NEVER if silent else 0)

    def _get_configuration(self, setup: SetupPacket) -> Reply:
        return Reply(bytes((self._configuration,))[: setup.wLength])

    def _set_configuration(self, setup: SetupPacket) -> Reply:
        if setup.wValue not in (0, CONFIGURATION_VALUE):
            return _UNSUPPORTED
        self._configuration, self._alternate = setup.wValue, 0
        return ACKNOWLEDGED

    def _get_interface(self, setup: SetupPacket) -> Reply:
        if setup.wIndex or not self._configuration:
            return _UNSUPPORTED
        return Reply(bytes((self._alternate,))[: setup.wLength])

    def _set_interface(self, setup: SetupPacket) -> Reply:
        if setup.wIndex or not self._configuration or setup.wValue >= len(self.profile.alternates):
            return _UNSUPPORTED
        self._alternate = setup.wValue
        return ACKNOWLEDGED


def _device_descriptor(profile: Profile) -> bytes:
    usb = profile.usb
    built: bytes = DEVICE.build(
        {
            "bcdUSB": usb.bcdUSB,
            "bDeviceClass": 0,
            "bDeviceSubClass": 0,
            "bDeviceProtocol": 0,
            "bMaxPacketSize0": usb.bMaxPacketSize0,
            "idVendor": usb.idVendor,
            "idProduct": usb.idProduct,
            "bcdDevice": usb.bcdDevice,
            "iManufacturer": _MANUFACTURER,
            "iProduct": _PRODUCT,
            "iSerialNumber": _SERIAL,
            "bNumConfigurations": 1,
        }
    )
    return built


def _functional_descriptor(profile: Profile) -> bytes:
    dfu = profile.dfu
    built: bytes = DFU_FUNCTIONAL.build(
        {
            "bmAttributes": dfu.bmAttributes,
            "wDetachTimeOut": dfu.wDetachTimeOut,
            "wTransferSize": dfu.wTransferSize,
            "bcdDFUVersion": dfu.bcdDFUVersion,
        }
    )
    return built


def configuration_descriptor(profile: Profile) -> bytes:
    """All alternate settings, which have no endpoints, then one DFU functional descriptor."""
    alternates = b"".join(
        INTERFACE_DESCRIPTOR.build(
            {
                "bInterfaceNumber": 0,
                "bAlternateSetting": alternate,
                "bNumEndpoints": 0,
                "bInterfaceClass": DFU_INTERFACE_CLASS,
                "bInterfaceSubClass": DFU_INTERFACE_SUBCLASS,
                "bInterfaceProtocol": DFU_INTERFACE_PROTOCOL,
                "iInterface": _FIRST_ALTERNATE + alternate,
            }
        )
        for alternate in range(len(profile.alternates))
    )
    body = alternates + _functional_descriptor(profile)
    head: bytes = CONFIGURATION.build(
        {
            "wTotalLength": CONFIGURATION.sizeof() + len(body),
            "bNumInterfaces": 1,
            "bConfigurationValue": CONFIGURATION_VALUE,
            "iConfiguration": 0,
            "bmAttributes": profile.usb.configuration.bmAttributes,
            "bMaxPower": profile.usb.configuration.bMaxPower,
        }
    )
    return head + body
