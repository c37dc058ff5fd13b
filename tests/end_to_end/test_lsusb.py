"""Real lsusb against the emulated STM32F405."""

from pathlib import Path

import pytest

from end_to_end.conftest import Emulator

pytestmark = pytest.mark.usefixtures("lsusb")

# lsusb -v of an STM32F4DISCOVERY, as fields and values; bcdDevice and the TYPE letters of the alternates
# are those of newer silicon. Descriptions behind the numbers depend on the version of lsusb.
FIELDS = """
bcdUSB 1.00
bDeviceClass 0
bDeviceSubClass 0
bDeviceProtocol 0
bMaxPacketSize0 64
idVendor 0x0483
idProduct 0xdf11
bcdDevice 22.00
iManufacturer 1 STMicroelectronics
iProduct 2 STM32  BOOTLOADER
iSerial 3 315A28A0B956
bNumConfigurations 1
bNumInterfaces 1
bConfigurationValue 1
iConfiguration 0
bmAttributes 0xc0
MaxPower 100mA
iInterface 4 @Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg
iInterface 5 @Option Bytes  /0x1FFFC000/01*016 e
iInterface 6 @OTP Memory /0x1FFF7800/01*512 e,01*016 e
iInterface 7 @Device Feature/0xFFFF0000/01*004 e
bmAttributes 11
wDetachTimeout 255 milliseconds
wTransferSize 2048 bytes
bcdDFUVersion 1.1a
"""


def test_verbose_listing_has_the_values_of_a_real_chip(chip: Emulator) -> None:
    done = chip("lsusb -v", "--serial", "315A28A0B956")
    assert done.code == 0
    listed = [tuple(line.split(maxsplit=1)) for line in done.stdout.splitlines() if len(line.split()) > 1]
    for field, value in (line.split(maxsplit=1) for line in FIELDS.strip().splitlines()):
        assert any(name == field and text.startswith(value) for name, text in listed), (field, value)
    assert int(next(text for name, text in listed if name == "wTotalLength"), 0) == 54
    assert "Self Powered" in done.stdout.split("Device Status:")[1]


def test_strings_of_odd_lengths_are_shown_as_they_are(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("extends: stm32f405\nalternate_tails: ['00', '00', '', '00']\n")
    done = emulator("exec", "--profile", "./odd.yaml", "--", "lsusb", "-v")
    assert done.code == 0
    shown = [line.split(maxsplit=2)[2] for line in done.stdout.splitlines() if "iInterface" in line]
    assert shown == [
        line.split(maxsplit=2)[2] for line in FIELDS.splitlines() if line.startswith("iInterface")
    ]


def test_device_status_is_the_chips_own_word(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: stm32f405\nusb: { device_status: 0 }\n")
    done = emulator("exec", "--profile", "./mine.yaml", "--", "lsusb", "-v")
    status = done.stdout.split("Device Status:")[1]
    assert "0x0000" in status
    assert "Bus Powered" in status
