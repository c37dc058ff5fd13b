"""The transports of ``run``, and which of them to take."""

import argparse
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from dfu_emulator.cli.exits import UsageError, say
from dfu_emulator.doctor import Computer, Finding, Need, by_need, gadgets
from dfu_emulator.port import Port
from dfu_emulator.transports import TransportError, udc


@dataclass(frozen=True, slots=True)
class Serving:
    """An open transport."""

    lines: Sequence[str]
    """What tells a user how to get at the chips."""
    check: Callable[[], None] = lambda: None
    """Raises what has ended the transport, if it has ended."""


Open = Callable[[Sequence[Port], argparse.Namespace], AbstractContextManager[Serving]]


@contextmanager
def _usbip(ports: Sequence[Port], arguments: argparse.Namespace) -> Iterator[Serving]:
    from dfu_emulator.transports.usbip import DEFAULT_HOST, DEFAULT_PORT, UsbipServer

    with UsbipServer(ports, *(arguments.listen or (DEFAULT_HOST, DEFAULT_PORT))) as server:
        host, port = server.address
        if not server.is_loopback:
            say(
                f"{host} is not a loopback address: USB/IP has no authentication, "
                "so whoever reaches it can use these chips"
            )
        reachable_at = socket.gethostname() if ipaddress.ip_address(host).is_unspecified else host
        tcp_port = "" if port == DEFAULT_PORT else f"--tcp-port {port} "
        lines = [f"USB/IP on {host} port {port}"]
        for export in server.exports:
            device = export.port.device
            lines.append(f"  {export.busid}  {device.profile.part}, serial number {device.serial}")
            if export.port.attached:
                attach = f"sudo usbip {tcp_port}attach -r {reachable_at} -b {export.busid}"
                lines.append(f"       sudo modprobe vhci-hcd && {attach}")
            else:
                lines.append("       at read protection level 2 the bootloader never runs: no device")
        yield Serving(lines)


@contextmanager
def _functionfs(ports: Sequence[Port], arguments: argparse.Namespace) -> Iterator[Serving]:
    from dfu_emulator.transports.functionfs import FunctionFsGadget

    port, controller = _only(ports), udc.choose(arguments.udc).name
    with FunctionFsGadget(port, controller) as gadget:
        if gadget.notice:
            say(gadget.notice)
        yield Serving([_on_controller(port, "FunctionFS", controller)], lambda: gadget.wait(0))


@contextmanager
def _raw_gadget(ports: Sequence[Port], arguments: argparse.Namespace) -> Iterator[Serving]:
    from dfu_emulator.transports.raw_gadget import RawGadget

    port, controller = _only(ports), udc.choose(arguments.udc).name
    with RawGadget(port, controller) as gadget:
        yield Serving([_on_controller(port, "raw-gadget", controller)], lambda: gadget.wait(0))


def _only(ports: Sequence[Port]) -> Port:
    if len(ports) > 1:
        raise UsageError("a USB device controller has one chip: serve several over usbip")
    return ports[0]


def _on_controller(port: Port, transport: str, controller: str) -> str:
    device = port.device
    return f"{device.profile.part}, serial number {device.serial}, by {transport} on {controller}"


TRANSPORTS: dict[str, Open] = {"raw-gadget": _raw_gadget, "functionfs": _functionfs, "usbip": _usbip}
"""By what they are called, the best first."""

_CHECKS = {"raw-gadget": gadgets.raw_gadget, "functionfs": gadgets.functionfs}
"""Of those that do not work everywhere."""


@contextmanager
def best(ports: Sequence[Port], arguments: argparse.Namespace) -> Iterator[Serving]:
    """The best transport that works here; says which, and why no better one."""
    refused: list[Finding] = []
    with ExitStack() as stack:
        for name in _fitting(ports, arguments):
            needs = _CHECKS[name](Computer(), arguments.udc).needs if name in _CHECKS else ()
            if not needs:
                try:
                    serving = stack.enter_context(TRANSPORTS[name](ports, arguments))
                    break
                except TransportError as error:
                    needs = (Need(str(error)),)
            refused.append(Finding(name, "", needs[:1]))
        else:
            raise TransportError(_reasons(refused))
        say(f"taking {name}; {_reasons(refused)}" if refused else f"taking {name}")
        yield serving


def _fitting(ports: Sequence[Port], arguments: argparse.Namespace) -> Sequence[str]:
    """The transports that can do what the flags ask for."""
    if arguments.listen and arguments.udc:
        raise UsageError("--listen is for usbip and --udc for the others: say which with --transport")
    if arguments.udc:
        return tuple(_CHECKS)
    return ("usbip",) if arguments.listen or len(ports) > 1 else tuple(TRANSPORTS)


def _reasons(refused: Sequence[Finding]) -> str:
    """In words why not, and whom to ask."""
    reasons = [f"not {' or '.join(names)}: {need.what}" for need, names in by_need(refused).items()]
    hint = " ('dfu-emulator doctor' says what helps)" if any(f.name in _CHECKS for f in refused) else ""
    return f"{'; '.join(reasons)}{hint}"
