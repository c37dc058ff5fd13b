"""Write a firmware to an STM32 in its USB bootloader, and verify it: ``python flasher.py firmware.bin``.

ST's application note AN3156 has the protocol.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import usb.core

VENDOR, PRODUCT = 0x0483, 0xDF11
FLASH = 0x08000000

TO_DEVICE, TO_HOST = 0x21, 0xA1
DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, ABORT = 1, 2, 3, 4, 6
SET_ADDRESS, ERASE = 0x21, 0x41
COMMAND_BLOCK, FIRST_DATA_BLOCK = 0, 2
DFU_IDLE, DNBUSY, DNLOAD_IDLE = 2, 4, 5
FUNCTIONAL_DESCRIPTOR = 0x21

TIME_LIMIT = 60_000
"""Milliseconds. The chip answers nothing while it erases, and a mass erase may take half a minute."""


class FlasherError(Exception):
    """The chip has refused something, or there is none."""


class Flasher:
    """A chip in its bootloader."""

    def __init__(self) -> None:
        self.device: Any = usb.core.find(idVendor=VENDOR, idProduct=PRODUCT)
        if self.device is None:
            raise FlasherError("there is no STM32 in its bootloader")
        self.device.default_timeout = TIME_LIMIT
        self.block = self.block_size()

    def block_size(self) -> int:
        """wTransferSize of the DFU functional descriptor: blocks are so far apart, however long they are."""
        for interface in self.device[0]:
            extra = bytes(interface.extra_descriptors)
            if len(extra) >= 9 and extra[1] == FUNCTIONAL_DESCRIPTOR:
                return int.from_bytes(extra[5:7], "little")
        raise FlasherError("the device has no DFU functional descriptor")

    def flash(self, firmware: bytes) -> None:
        """Erase the chip, write the firmware and verify it."""
        self.make_idle()
        self.command(bytes([ERASE]))
        self.write(FLASH, firmware)
        if self.read(FLASH, len(firmware)) != firmware:
            raise FlasherError("the firmware was not written as it is")

    def write(self, address: int, data: bytes) -> None:
        """Write to erased flash."""
        self.command(bytes([SET_ADDRESS]) + address.to_bytes(4, "little"))
        for number, start in enumerate(range(0, len(data), self.block), FIRST_DATA_BLOCK):
            self.download(number, data[start : start + self.block])

    def read(self, address: int, length: int) -> bytes:
        """Read any memory."""
        self.command(bytes([SET_ADDRESS]) + address.to_bytes(4, "little"))
        self.abort()  # UPLOAD is only allowed in dfuIDLE
        data = bytearray()
        for number, start in enumerate(range(0, length, self.block), FIRST_DATA_BLOCK):
            wanted = min(self.block, length - start)
            data += self.device.ctrl_transfer(TO_HOST, UPLOAD, number, 0, wanted)
        self.abort()
        return bytes(data)

    def make_idle(self) -> None:
        """The chip may have an error from the program that was here before."""
        _, state = self.get_status()
        if state != DFU_IDLE:
            self.device.ctrl_transfer(TO_DEVICE, CLRSTATUS, 0, 0, None)
        _, state = self.get_status()
        if state != DFU_IDLE:
            raise FlasherError(f"the chip stays in state {state}")

    def command(self, command: bytes) -> None:
        """A command of DfuSe: its number, and perhaps an address."""
        self.download(COMMAND_BLOCK, command)

    def download(self, block: int, data: bytes) -> None:
        """DNLOAD, the GETSTATUS that starts the work, and those that ask how it went."""
        self.device.ctrl_transfer(TO_DEVICE, DNLOAD, block, 0, data)
        status, state = self.get_status()
        while state == DNBUSY:
            status, state = self.get_status()
        if state != DNLOAD_IDLE:
            raise FlasherError(f"the chip refuses block {block} with status {status}")

    def abort(self) -> None:
        """Back to dfuIDLE."""
        self.device.ctrl_transfer(TO_DEVICE, ABORT, 0, 0, None)

    def get_status(self) -> tuple[int, int]:
        """bStatus and bState, once the chip may be asked again."""
        reply = self.device.ctrl_transfer(TO_HOST, GETSTATUS, 0, 0, 6)
        time.sleep(int.from_bytes(reply[1:4], "little") / 1000)  # bwPollTimeout
        return reply[0], reply[4]


def main(arguments: Sequence[str] | None = None, open_chip: Callable[[], Flasher] = Flasher) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Write a firmware to an STM32 in its USB bootloader.")
    parser.add_argument("firmware", type=Path, help="a raw file, which begins at 0x08000000")
    path: Path = parser.parse_args(arguments).firmware
    try:
        open_chip().flash(path.read_bytes())
    except (FlasherError, OSError) as error:  # an error of USB is one of the system too
        print(f"flasher: {error}", file=sys.stderr)
        return 1
    print("flashed and verified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
