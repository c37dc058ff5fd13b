"""Real lsusb -v of emulated chips against what it printed of real ones, line by line."""

import re

import pytest

from dfu_emulator.profile import load
from end_to_end.conftest import MakeBus
from end_to_end.listings import F4_512K

pytestmark = pytest.mark.usefixtures("lsusb")

DEVICE = """
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
ALTERNATE = """
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
FUNCTIONAL = """
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
BUS_POWERED = """
Device Status:     0x0000
  (Bus Powered)
"""
SELF_POWERED = """
Device Status:     0x0001
  Self Powered
"""
F107 = ("@Internal Flash  /0x08000000/128*002Kg", "@Option Bytes  /0x1FFFF800/01*016 g")
F107_BCD_2200 = (F107[0], "@Option Bytes  /0x1FFFF800/01*016 e")
F4DISCOVERY = (
    "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
    "@Option Bytes  /0x1FFFC000/01*016 g",
    "@OTP Memory /0x1FFF7800/01*512 g,01*016 g",
    "@Device Feature/0xFFFF0000/01*004 g",
)


@pytest.mark.parametrize(
    ("chip", "rom", "serial", "bcd", "product", "names", "status"),
    [
        ("stm32f107", "2000", "STM32", "20.00", "STM32 0x418 DFU Bootloader", F107, BUS_POWERED),
        # Of the next two, only a part was published: all but what follows the last name.
        ("stm32f107", "2200", "STM32", "22.00", "STM32 0x418 DFU Bootloader", F107_BCD_2200, BUS_POWERED),
        ("stm32f401re", None, "348435943539", "22.00", "STM32  BOOTLOADER", F4_512K[::-1], SELF_POWERED),
        ("stm32f405", "2100", "315A28A0B956", "21.00", "STM32  BOOTLOADER", F4DISCOVERY, SELF_POWERED),
    ],
)
def test_all_that_lsusb_says_of_a_real_chip(
    make_bus: MakeBus,
    chip: str,
    rom: str | None,
    serial: str,
    bcd: str,
    product: str,
    names: tuple[str, ...],
    status: str,
) -> None:
    done = make_bus(load(chip, rom_version=rom), serial=serial).run("lsusb", "-v")
    assert done.code == 0
    head = DEVICE.format(bcd=bcd, product=product, serial=serial, total=18 + 9 * len(names))
    alternates = [
        ALTERNATE.format(number=number, index=4 + number, name=name) for number, name in enumerate(names)
    ]
    expected = "".join((head, *alternates, FUNCTIONAL, status))
    assert lines(done.stdout.partition("\n")[2])[1:] == lines(expected)


# What lsusb says in words depends on its version: "(Defined at Interface level)" and the names of vendors.
_WORDS = re.compile(
    r"( +(?:bDevice(?:Class|SubClass|Protocol)|bInterface(?:Class|SubClass|Protocol)|id\w+) +\S+).*"
)


def lines(text: str) -> list[str]:
    """The lines of a listing, without words for what a number says already."""
    return [_WORDS.sub(r"\1", line).rstrip() for line in text.splitlines() if line.strip()]
