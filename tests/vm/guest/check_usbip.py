"""What the kernel's own USB/IP client (vhci_hcd) and its tools do."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.usbip import UsbipServer
from end_to_end.test_dfu_util import firmware
from vm.guest.bus import PATIENCE, chips, host, wait_for_chip, wait_for_no_chip, wait_until
from vm.guest.kernel_usbip import attach, attached_ports, usbip

FLASH_START = 0x08000000


def test_usbip_lists_attaches_and_detaches() -> None:
    with emulated("stm32f405") as port, UsbipServer([port], port=0) as server:
        listed = usbip(server, "list", "-r", "127.0.0.1")
        assert listed.returncode == 0
        assert "1-1: " in listed.stdout
        assert "(0483:df11)" in listed.stdout
        assert "/sys/devices/dfu-emulator/usb1/1-1" in listed.stdout
        for _ in range(3):
            attached = attach(server)
            assert attached.returncode == 0, attached.stderr
            wait_for_chip()
            assert attach(server).returncode != 0  # it is busy
            (number,) = attached_ports()
            assert usbip(server, "detach", "-p", number).returncode == 0
            wait_for_no_chip()
            wait_until(lambda: server.exports[0].session is None, "still imported")
        assert attach(server, "1-2").returncode != 0


def test_ten_chips_are_flashed_at_once(tmp_path: Path) -> None:
    images = {f"CHIP{number}": firmware(32 * 1024, seed=number) for number in range(10)}
    with ExitStack() as stack:
        ports = {serial: stack.enter_context(emulated("stm32f405", serial=serial)) for serial in images}
        server = stack.enter_context(UsbipServer(list(ports.values()), port=0))
        for number, export in enumerate(server.exports, 1):
            attached = attach(server, export.busid)
            assert attached.returncode == 0, attached.stderr
            # usbip fails while the kernel still gets to know a device that was attached before.
            wait_until(lambda number=number: len(chips()) == number, f"{number} chips")  # type: ignore[misc]
        assert len(host("dfu-util", "-l").lines("Found DFU")) == 4 * len(images)
        hosts = []
        for serial, image in images.items():
            (tmp_path / serial).write_bytes(image)
            command = ["dfu-util", "-S", serial, "-a", "0", "-s", f"{FLASH_START}"]
            command += ["-D", str(tmp_path / serial)]
            hosts.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL)))
        assert [process.wait(PATIENCE * 5) for process in hosts] == [0] * len(hosts)
        for serial, image in images.items():
            flash = ports[serial].device.bootloader.chip.flash
            assert flash.read(FLASH_START, len(image)) == image


def test_a_server_that_ends_is_an_unplugged_chip() -> None:
    with emulated("stm32f405") as port:
        with UsbipServer([port], port=0) as server:
            assert attach(server).returncode == 0
            wait_for_chip()
        wait_for_no_chip()
