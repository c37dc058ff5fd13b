"""What ``lsusb -v`` printed of real chips, but for words that its version decides."""

from dataclasses import dataclass

from end_to_end.listings import F4_512K

_DEVICE = """\
Device Descriptor:
  bLength                18
  bDescriptorType         1
  bcdUSB               1.00
  bDeviceClass            0
  bDeviceSubClass         0
  bDeviceProtocol         0
  bMaxPacketSize0        64
  idVendor           0x0483
  idProduct          0xdf11
  bcdDevice           {bcd}
  iManufacturer           1 STMicroelectronics
  iProduct                2 {product}
  iSerial                 3 {serial}
  bNumConfigurations      1
  Configuration Descriptor:
    bLength                 9
    bDescriptorType         2
    wTotalLength       {total:#06x}
    bNumInterfaces          1
    bConfigurationValue     1
    iConfiguration          0
    bmAttributes         0xc0
      Self Powered
    MaxPower              100mA
"""
_ALTERNATE = """\
    Interface Descriptor:
      bLength                 9
      bDescriptorType         4
      bInterfaceNumber        0
      bAlternateSetting       {number}
      bNumEndpoints           0
      bInterfaceClass       254
      bInterfaceSubClass      1
      bInterfaceProtocol      2
      iInterface              {index} {name}
"""
_FUNCTIONAL = """\
      Device Firmware Upgrade Interface Descriptor:
        bLength                             9
        bDescriptorType                    33
        bmAttributes                       11
          Will Detach
          Manifestation Intolerant
          Upload Supported
          Download Supported
        wDetachTimeout                    255 milliseconds
        wTransferSize                    2048 bytes
        bcdDFUVersion                   1.1a
"""
BUS_POWERED = """\
Device Status:     0x0000
  (Bus Powered)
"""
SELF_POWERED = """\
Device Status:     0x0001
  Self Powered
"""


@dataclass(frozen=True)
class RealChip:
    """What one chip says of itself that another may say otherwise."""

    serial: str
    bcd: str
    """bcdDevice."""
    names: tuple[str, ...]
    """Of the alternate settings."""
    product: str = "STM32  BOOTLOADER"
    status: str = SELF_POWERED

    @property
    def text(self) -> str:
        """All that lsusb says of it."""
        total = 18 + 9 * len(self.names)
        head = _DEVICE.format(bcd=self.bcd, product=self.product, serial=self.serial, total=total)
        alternates = [
            _ALTERNATE.format(number=number, index=4 + number, name=name)
            for number, name in enumerate(self.names)
        ]
        return "".join((head, *alternates, _FUNCTIONAL, self.status))


_F107_FLASH = "@Internal Flash  /0x08000000/128*002Kg"

F4DISCOVERY = RealChip(
    "315A28A0B956",
    "21.00",
    (
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
        "@Option Bytes  /0x1FFFC000/01*016 g",
        "@OTP Memory /0x1FFF7800/01*512 g,01*016 g",
        "@Device Feature/0xFFFF0000/01*004 g",
    ),
)
# Of the next two, only a part was published: all but what follows the last name.
F401RE = RealChip("348435943539", "22.00", F4_512K[::-1])
F107_BCD_2200 = RealChip(
    "STM32",
    "22.00",
    (_F107_FLASH, "@Option Bytes  /0x1FFFF800/01*016 e"),
    "STM32 0x418 DFU Bootloader",
    BUS_POWERED,
)
F107_BCD_2000 = RealChip(
    "STM32",
    "20.00",
    (_F107_FLASH, "@Option Bytes  /0x1FFFF800/01*016 g"),
    "STM32 0x418 DFU Bootloader",
    BUS_POWERED,
)
