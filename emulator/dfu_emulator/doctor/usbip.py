"""USB/IP: serving chips, which works everywhere, and importing them into this machine's kernel."""

from collections.abc import Iterator

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need
from dfu_emulator.doctor.needs import administrator, kernel_part


def server(_computer: Computer) -> Finding:
    """``dfu-emulator run --transport usbip``."""
    return Finding("usbip", "machines that attach it over TCP, Linux or Windows")


def attach(computer: Computer) -> Finding:
    """This machine's own vhci_hcd, as the client of a server here or elsewhere."""
    return Finding("usbip-attach", "programs here, by attaching it over USB/IP", tuple(_needs(computer)))


def _needs(computer: Computer) -> Iterator[Need]:
    if computer.system != "Linux":
        yield Need("the checks of a USB/IP client are made for Linux")
        return
    yield from kernel_part(computer, "vhci_hcd", "CONFIG_USBIP_VHCI_HCD")
    if not computer.has_command("usbip"):
        # Ubuntu's command is a script that looks for the one made for the running kernel.
        package = f"linux-tools-{computer.release}" if computer.is_like("ubuntu") else "usbip"
        yield Need("the command usbip is missing", computer.install(package))
    yield from administrator(computer, "sudo usbip attach -r 127.0.0.1 -b 1-1")
