"""The kernel's own USB/IP client (vhci_hcd), and usbip, which controls it."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dfu_emulator.port import Port
from dfu_emulator.transports.usbip import UsbipServer


def usbip(server: UsbipServer, *arguments: str) -> "subprocess.CompletedProcess[str]":
    subprocess.run(["modprobe", "vhci-hcd"], check=True)
    return subprocess.run(
        ["usbip", "--tcp-port", str(server.address[1]), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def attach(server: UsbipServer, busid: str = "1-1") -> "subprocess.CompletedProcess[str]":
    return usbip(server, "attach", "-r", "127.0.0.1", "-b", busid)


def attached_ports() -> list[str]:
    done = subprocess.run(["usbip", "port"], capture_output=True, text=True, check=False)
    return [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("Port ")]


@contextmanager
def imported(port: Port) -> Iterator[UsbipServer]:
    """The chip on the kernel's virtual controller, attached anew whenever it comes back."""
    with UsbipServer([port], port=0) as server:
        stop = threading.Event()

        def keep_attaching() -> None:
            while not stop.wait(0.2):
                if server.exports[0].session is None and port.attached:
                    attach(server)

        thread = threading.Thread(target=keep_attaching)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()
