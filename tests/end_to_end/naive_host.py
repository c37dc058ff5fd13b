"""A flasher as one is written in an afternoon from AN3156 and PyUSB: it works on a good day.

It believes the notes word for word: CLRSTATUS until the device is idle, GETSTATUS once to start a job and
once more to hear how it went. It does not know ABORT, wTransferSize, retries or verification, and waits for
an answer as long as PyUSB does by default: one second.

    naive_host.py write FILE | write-and-leave FILE | read FILE LENGTH | mass-erase
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import usb.core

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS = 1, 2, 3, 4
DFU_IDLE, DFU_DNBUSY, DFU_ERROR = 2, 4, 10
FLASH = 0x08000000
BLOCK = 2048
TRIES = 10
PAGE = 0x4000
"""Of the first sectors of an STM32F405, which was on the desk."""


class Failure(Exception):
    """Something did not work."""


class Flasher:
    """A device, and what the application note tells to do with it."""

    def __init__(self, backend: object | None = None) -> None:
        self._device: Any = usb.core.find(idVendor=0x0483, idProduct=0xDF11, backend=backend)
        if self._device is None:
            raise Failure("no device")

    def write(self, data: bytes) -> None:
        self.clear_until_idle()
        for address in range(FLASH, FLASH + len(data), PAGE):
            self.execute(0, b"\x41" + address.to_bytes(4, "little"))
        self.set_address(FLASH)
        for start in range(0, len(data), BLOCK):
            self.execute(2 + start // BLOCK, data[start : start + BLOCK])

    def read(self, length: int) -> bytes:
        self.clear_until_idle()
        self.set_address(FLASH)
        self.clear_until_idle()
        data = b""
        for start in range(0, length, BLOCK):
            size = min(BLOCK, length - start)
            data += bytes(self._device.ctrl_transfer(0xA1, UPLOAD, 2 + start // BLOCK, 0, size))
        return data

    def mass_erase(self) -> None:
        self.clear_until_idle()
        self.execute(0, b"\x41")

    def leave(self) -> None:
        self.set_address(FLASH)
        self._device.ctrl_transfer(0x21, DNLOAD, 2, 0, b"")
        self.get_status()

    def set_address(self, address: int) -> None:
        self.execute(0, b"\x21" + address.to_bytes(4, "little"))

    def execute(self, block: int, data: bytes) -> None:
        self._device.ctrl_transfer(0x21, DNLOAD, block, 0, data)
        state, milliseconds = self.get_status()
        if state != DFU_DNBUSY:
            raise Failure(f"state {state} in place of dfuDNBUSY")
        time.sleep(milliseconds / 1000)
        state, _ = self.get_status()
        if state == DFU_ERROR:
            raise Failure("dfuERROR")

    def get_status(self) -> tuple[int, int]:
        """bState and bwPollTimeout."""
        status = self._device.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6)
        return status[4], int.from_bytes(status[1:4], "little")

    def clear_until_idle(self) -> None:
        for _ in range(TRIES):
            if self.get_status()[0] == DFU_IDLE:
                return
            self._device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)
        raise Failure("not idle")


def main(arguments: Sequence[str], backend: object | None = None) -> int:
    """Carry out one command; 0 if nothing went wrong that it noticed."""
    command, *rest = arguments
    try:
        flasher = Flasher(backend)
        if command == "read":
            Path(rest[0]).write_bytes(flasher.read(int(rest[1])))
        elif command == "mass-erase":
            flasher.mass_erase()
        else:
            flasher.write(Path(rest[0]).read_bytes())
            if command == "write-and-leave":
                flasher.leave()
    except (Failure, usb.core.USBError) as error:
        print(f"naive_host: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
