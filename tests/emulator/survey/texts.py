"""What lsusb and dfu-util would print of a chip that does not exist."""

ALTERNATES = (
    "@Internal Flash   /0x08000000/24*04Kg",
    "@Option Bytes   /0x40022020/01*24 e",
    "@OTP Memory   /0x0BFA0000/01*512 e",
)
SERIAL = "20613652A50D"

LSUSB = """\
Bus 003 Device 017: ID 0483:df11 STMicroelectronics STM Device in DFU Mode
Device Descriptor:
  bLength                18
  bDescriptorType         1
  bcdUSB               2.00
  bDeviceClass            0 (Defined at Interface level)
  bDeviceSubClass         0\x20
  bDeviceProtocol         0\x20
  bMaxPacketSize0        64
  idVendor           0x0483 STMicroelectronics
  idProduct          0xdf11 STM Device in DFU Mode
  bcdDevice            2.10
  iManufacturer           1 STMicroelectronics
  iProduct                2 DFU  in FS Mode
  iSerial                 3 20613652A50D
  bNumConfigurations      1
  Configuration Descriptor:
    bLength                 9
    bDescriptorType         2
    wTotalLength       0x002d
    bNumInterfaces          1
    bConfigurationValue     1
    iConfiguration          0\x20
    bmAttributes         0x80
      (Bus Powered)
    MaxPower              200mA
    Interface Descriptor:
      bLength                 9
      bDescriptorType         4
      bInterfaceNumber        0
      bAlternateSetting       0
      bNumEndpoints           0
      bInterfaceClass       254 Application Specific Interface
      bInterfaceSubClass      1 Device Firmware Update
      bInterfaceProtocol      2\x20
      iInterface              4 @Internal Flash   /0x08000000/24*04Kg
    Interface Descriptor:
      bLength                 9
      bDescriptorType         4
      bInterfaceNumber        0
      bAlternateSetting       1
      bNumEndpoints           0
      bInterfaceClass       254 Application Specific Interface
      bInterfaceSubClass      1 Device Firmware Update
      bInterfaceProtocol      2\x20
      iInterface              5 @Option Bytes   /0x40022020/01*24 e
    Interface Descriptor:
      bLength                 9
      bDescriptorType         4
      bInterfaceNumber        0
      bAlternateSetting       2
      bNumEndpoints           0
      bInterfaceClass       254 Application Specific Interface
      bInterfaceSubClass      1 Device Firmware Update
      bInterfaceProtocol      2\x20
      iInterface              6 @OTP Memory   /0x0BFA0000/01*512 e
      Device Firmware Upgrade Interface Descriptor:
        bLength                             9
        bDescriptorType                    33
        bmAttributes                       15
          Will Detach
          Manifestation Tolerant
          Upload Supported
          Download Supported
        wDetachTimeout                   1000 milliseconds
        wTransferSize                    4096 bytes
        bcdDFUVersion                   1.1a
Device Status:     0x0002
  (Bus Powered)
  Remote Wakeup Enabled
"""

VALUES = {
    "usb.bcdUSB": 0x0200,
    "usb.bMaxPacketSize0": 64,
    "usb.idVendor": 0x0483,
    "usb.idProduct": 0xDF11,
    "usb.bcdDevice": 0x0210,
    "usb.manufacturer": "STMicroelectronics",
    "usb.product": "DFU  in FS Mode",
    "usb.configuration.bmAttributes": 0x80,
    "usb.configuration.bMaxPower": 100,
    "usb.device_status": 2,
    "dfu.bmAttributes": 15,
    "dfu.wDetachTimeOut": 1000,
    "dfu.wTransferSize": 4096,
    "dfu.bcdDFUVersion": 0x011A,
}
"""What LSUSB says, by the keys of a profile."""

HUB = """\
Bus 003 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub
Device Descriptor:
  bLength                18
  bcdUSB               2.00
  bMaxPacketSize0         8
  iProduct                2 EHCI Host Controller
  iSerial                 1 0000:00:1d.0
  Configuration Descriptor:
    wTotalLength       0x0019
    bmAttributes         0xe0
    Interface Descriptor:
      bInterfaceClass         9 Hub
      bInterfaceSubClass      0\x20
      iInterface              0\x20
      Endpoint Descriptor:
        bmAttributes            3
Device Qualifier (for other device speed):
  bcdUSB               2.00
Device Status:     0x0001
  Self Powered

"""

EXCERPT = """\
      bcdDevice           22.00
      iProduct                2 STM32  BOOTLOADER
        wTotalLength       0x0036
          iInterface              4 @Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg
          iInterface              5 @Option Bytes  /0x1FFFC000/01*016 e
"""
"""Indented, and without what stands between."""

LIST = """\
dfu-util 0.11

Copyright 2005-2009 Weston Schmidt, Harald Welte and OpenMoko Inc.

Found DFU: [0483:df11] ver=0210, devnum=17, cfg=1, intf=0, path="3-1.2", alt=2, \
name="@OTP Memory   /0x0BFA0000/01*512 e", serial="20613652A50D"
Found DFU: [0483:df11] ver=0210, devnum=17, cfg=1, intf=0, path="3-1.2", alt=1, \
name="@Option Bytes   /0x40022020/01*24 e", serial="20613652A50D"
Found DFU: [0483:df11] ver=0210, devnum=17, cfg=1, intf=0, path="3-1.2", alt=0, \
name="@Internal Flash   /0x08000000/24*04Kg", serial="20613652A50D"
"""
