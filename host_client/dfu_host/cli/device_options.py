"""The flags that choose a device and a memory of it, and what they choose."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dfu_host import bus
from dfu_host.bus import Alternate, DfuDevice
from dfu_host.cli import numbers
from dfu_host.cli.context import Context
from dfu_host.errors import HostError, UsageError
from dfu_host.session import Session
from dfu_protocol import Layout


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Flags that say which devices are meant."""
    parser.add_argument(
        "-d", "--device", type=numbers.ids, metavar="VID:PID", help="USB ids, such as 0483:df11"
    )
    parser.add_argument("-S", "--serial", help="serial number of the device")
    parser.add_argument("-p", "--path", help="path of the device, as 'list' shows it")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Flags for a command that talks with one device."""
    add_selection(parser)
    parser.add_argument(
        "--transfer-size",
        type=numbers.length,
        metavar="BYTES",
        help="wTransferSize of a device that shows no DFU functional descriptor",
    )


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Flags for a command that is about one memory of one device."""
    add_device(parser)
    parser.add_argument(
        "-a",
        "--alt",
        metavar="N|NAME",
        help="alternate setting: its number, or how its name begins (default: the first)",
    )


def selection(arguments: argparse.Namespace) -> bus.Selection:
    """The devices that the flags mean."""
    vendor, product = arguments.device or (None, None)
    return bus.Selection(vendor, product, arguments.serial, arguments.path)


@contextmanager
def session(arguments: argparse.Namespace, context: Context) -> Iterator[tuple[DfuDevice, Session]]:
    """The chosen device and a session with it; at the end it is left in dfuIDLE, if it is still there."""
    device = bus.pick(selection(arguments), context.backend)
    with device.open() as link:
        conversation = Session(link, device.transfer_size(arguments.transfer_size))
        try:
            yield device, conversation
        except KeyboardInterrupt:
            # The device may be busy for long; the next session finds its way from any state.
            raise
        except BaseException:
            _tidy_up(conversation)
            raise
        _tidy_up(conversation)


def select(device: DfuDevice, conversation: Session, choice: str | None) -> Alternate:
    """The memory that ``--alt`` chooses, selected."""
    alternate = device.alternate(choice)
    conversation.select(alternate.number)
    return alternate


def layout_of(alternate: Alternate) -> Layout:
    """Its layout; UsageError where its string has none."""
    if alternate.layout is None:
        raise UsageError(f"alternate {alternate.number} has no memory layout: its name is {alternate.text!r}")
    return alternate.layout


def _tidy_up(conversation: Session) -> None:
    with suppress(HostError):
        conversation.to_idle()
