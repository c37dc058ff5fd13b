"""Which ways to the chip work on a machine, and what helps where one does not.

Each check only looks: it loads no module, opens no device, needs no root. A check is a function from a
``Computer`` to a ``Finding``, and a line in ``CHECKS``.
"""

from collections.abc import Callable

from dfu_emulator.doctor import gadgets, programs, udev, usbip, virtual_machine
from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need, State, by_need

__all__ = ["CHECKS", "LOCAL", "Computer", "Finding", "Need", "State", "by_need"]

CHECKS: dict[str, Callable[[Computer], Finding]] = {
    "in-process": programs.in_process,
    "exec": programs.run_as_child,
    "raw-gadget": gadgets.raw_gadget,
    "functionfs": gadgets.functionfs,
    "usbip": usbip.server,
    "usbip-attach": usbip.attach,
    "vm": virtual_machine.check,
    "udev-rule": udev.check,
}
"""By the names of what they look at: the ways to the chip, and what hosts need."""

LOCAL = ("exec", "raw-gadget", "functionfs", "usbip-attach", "vm")
"""The ways by which another program on this machine reaches the chip."""
