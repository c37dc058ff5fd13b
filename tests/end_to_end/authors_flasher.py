"""What the author of 'STM32 DFU protocol DFU_UPLOAD problem' sent, before and after he found CLRSTATUS.

With ``first`` it stops at the UPLOAD that fails, as his app did; else it reads on in blocks of 64 bytes.
"""

import sys

import usb.core

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS = 1, 2, 3, 4
DFU_IDLE, DFU_DNBUSY, DFU_ERROR = 2, 4, 10
ADDRESS = 0x08004000

device = usb.core.find(idVendor=0x0483, idProduct=0xDF11)


def get_state() -> int:
    state: int = device.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6, 500)[4]
    return state


def clear_wait_idle() -> None:
    device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)
    while get_state() != DFU_IDLE:
        device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)


def set_address_pointer(address: int) -> None:
    device.ctrl_transfer(0x21, DNLOAD, 0, 0, b"\x21" + address.to_bytes(4, "little"))
    assert get_state() == DFU_DNBUSY
    assert get_state() != DFU_ERROR


def upload(block: int, length: int) -> bytes:
    return bytes(device.ctrl_transfer(0xA1, UPLOAD, block, 0, length, 100))


clear_wait_idle()
set_address_pointer(ADDRESS)
try:
    upload(2, 64)
except usb.core.USBError:
    if "first" in sys.argv:
        sys.exit("USB comm failed during upload")
clear_wait_idle()
print(*(upload(2 + number, 64).hex() for number in range(4)), sep="\n")
