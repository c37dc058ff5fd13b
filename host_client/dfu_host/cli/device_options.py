"""The flags that choose a device and a memory of it, and what they choose."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dfu_host import bus
from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.cli.interruption import how_far
from dfu_host.cli.report import add_report
from dfu_host.errors import HostError, NoDeviceError
from dfu_host.session import Session


def add_selection(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Flags that say which devices are meant, in the group that is returned, and how to report."""
    add_report(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show each request to the device")
    group = parser.add_argument_group("which device")
    group.add_argument(
        "-d", "--device", type=numbers.ids, metavar="VID:PID", help="USB ids, such as 0483:df11"
    )
    group.add_argument("-S", "--serial", help="serial number of the device")
    group.add_argument("-p", "--path", help="path of the device, as 'list' shows it")
    return group


def add_device(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Flags for a command that talks with one device."""
    group = add_selection(parser)
    group.add_argument(
        "-n", "--number", type=numbers.count, metavar="N", help="the N-th of the devices that 'list' shows"
    )
    group.add_argument(
        "--transfer-size",
        type=numbers.length,
        metavar="BYTES",
        help="wTransferSize of a device that shows no DFU functional descriptor",
    )
    return group


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Flags for a command that is about one memory of one device."""
    add_device(parser).add_argument(
        "-a",
        "--alt",
        metavar="N|NAME",
        help="memory: the number of its alternate setting, or how its name begins"
        " (default: the one that holds the address, without one the first)",
    )


def selection(arguments: argparse.Namespace) -> bus.Selection:
    """The devices that the flags mean."""
    vendor, product = arguments.device or (None, None)
    return bus.Selection(vendor, product, arguments.serial, arguments.path)


def choose(arguments: argparse.Namespace, context: Context) -> DfuDevice:
    """The one device that the flags mean."""
    if arguments.number is None:
        return bus.pick(selection(arguments), context.backend)
    found = bus.find(selection(arguments), context.backend)
    if arguments.number > len(found):
        raise NoDeviceError(f"there is no device {arguments.number}: 'dfu-host list' shows {len(found)}")
    chosen: DfuDevice = found[arguments.number - 1]
    return chosen


@contextmanager
def session(arguments: argparse.Namespace, context: Context) -> Iterator[tuple[DfuDevice, Session]]:
    """The chosen device and a session with it; at the end it is left in dfuIDLE, if it is still there."""
    device = choose(arguments, context)
    with device.open() as link:
        if device.problem:
            context.report.say(device.problem)
        conversation = Session(link, device.transfer_size(arguments.transfer_size))
        try:
            yield device, conversation
        except KeyboardInterrupt as interrupt:
            idle = None
            with suppress(KeyboardInterrupt):  # a second one must not lose what there is to tell
                idle = _tidy_up(conversation)
            interrupt.add_note(how_far(context.report.stages, idle=idle))
            raise
        except BaseException:
            _tidy_up(conversation)
            raise
        _tidy_up(conversation)


def memory(device: DfuDevice, choice: str | None, address: int | None = None) -> Alternate:
    """The memory that ``--alt`` chooses, else the one that holds ``address``, else the first."""
    by_address = device.memory_at(address) if choice is None and address is not None else None
    return by_address or device.alternate(choice)


def _tidy_up(conversation: Session) -> bool:
    """Bring it to dfuIDLE, if it is still there; whether that has worked."""
    try:
        conversation.to_idle()
    except HostError:
        return False
    return True
