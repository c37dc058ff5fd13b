"""What each subcommand of ``dfu-host`` does with the arguments that ``cli`` has parsed."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dfu_host import bus, display
from dfu_host.bus import Alternate, DfuDevice
from dfu_host.errors import FileError, HostError, NoDeviceError, RefusedError, UsageError
from dfu_host.firmware import Firmware, load
from dfu_host.output import output
from dfu_host.plan import Plan, contiguous_end, plan_erase, plan_write
from dfu_host.programmer import EraseMode, erase, program
from dfu_host.progress import bar
from dfu_host.session import Session
from dfu_protocol import Layout
from dfu_protocol.firmware_file import Element

_ANY_ID = 0xFFFF
_MASS_ERASE = "erasing the whole flash, which may take half a minute"


def run_list(args: argparse.Namespace, backend: object | None) -> None:
    """Show every device that matches."""
    devices = bus.find(_selection(args), backend)
    if not devices:
        raise NoDeviceError("no DfuSe device found")
    for device in devices:
        print(*display.summary(device), sep="\n")
        if device.problem:
            say(device.problem)


def run_info(args: argparse.Namespace, backend: object | None) -> None:
    """Show all there is to know about one device, before its errors are cleared."""
    with _session(args, backend) as (device, session):
        print(*display.description(device), sep="\n")
        print(*display.condition(*session.condition()), sep="\n")
        try:
            print(display.command_list(session.commands()))
        except RefusedError as error:
            print(f"commands       unknown ({error})")
        display.print_memory_map(device.alternates)


def run_read(args: argparse.Namespace, backend: object | None) -> None:
    """Copy memory to a file."""
    with output(args.file, args.force) as stream, _session(args, backend) as (device, session):
        alternate = _select(device, session, args.alt)
        address, length = _range_to_read(alternate, args.address, args.length)
        with bar("reading", length) as advance:
            for block in session.read(address, length):
                stream.write(block)
                advance(len(block))
    say(f"read {length} bytes from 0x{address:08x} on")


def run_write(args: argparse.Namespace, backend: object | None) -> None:
    """Flash a file."""
    firmware = load(Path(args.file), args.address)
    with _session(args, backend) as (device, session):
        plans = _plans(device, firmware, args.alt, args.align)
        if args.erase is EraseMode.MASS:
            say(_MASS_ERASE)
        there = program(
            session, plans, mode=args.erase, verify=args.verify, will_reset=args.will_reset, track=bar
        )
        size = sum(len(element.data) for plan in plans for element in plan.data)
        verified = args.verify and there and all(plan.readable for plan in plans)
        say(f"wrote {size} bytes" + (" and verified them" if verified else ""))
        if not there:
            say("the device has reset, as it does when its option bytes are written")
        elif args.leave:
            _leave(session, firmware.images[0].start)


def run_erase(args: argparse.Namespace, backend: object | None) -> None:
    """Erase pages, all of the flash, or everything to lift the read protection."""
    if args.unprotect and not args.yes:
        raise UsageError("--unprotect erases the whole device; add --yes if that is what you want")
    if args.length is not None and args.address is None:
        raise UsageError("--length says how much to erase from --address on; --address is missing")
    with _session(args, backend) as (device, session):
        alternate = _select(device, session, args.alt)
        if args.unprotect:
            session.read_unprotect()
            say("the read protection is lifted; the device is blank and resets")
        elif args.mass:
            say(_MASS_ERASE)
            session.mass_erase()
            say("erased the whole flash")
        else:
            pages = plan_erase(_layout(alternate), args.address, args.length or 1)
            erase(session, pages, bar)
            size = sum(size for _, size in pages)
            say(f"erased {size} bytes from 0x{pages[0][0]:08x} on")


def run_leave(args: argparse.Namespace, backend: object | None) -> None:
    """Start the application."""
    with _session(args, backend) as (_, session):
        _leave(session, args.address)


def say(text: str) -> None:
    """Tell the user; standard output is kept for what was asked for."""
    print(f"dfu-host: {text}", file=sys.stderr)


def _selection(args: argparse.Namespace) -> bus.Selection:
    vendor, product = args.device or (None, None)
    return bus.Selection(vendor, product, args.serial, args.path)


@contextmanager
def _session(args: argparse.Namespace, backend: object | None) -> Iterator[tuple[DfuDevice, Session]]:
    """The chosen device and a session with it; at the end it is left in dfuIDLE, if it is still there."""
    device = bus.pick(_selection(args), backend)
    with device.open() as link:
        session = Session(link, device.transfer_size(args.transfer_size))
        try:
            yield device, session
        except KeyboardInterrupt:
            # The device may be busy for long; the next session finds its way from any state.
            raise
        except BaseException:
            _tidy_up(session)
            raise
        _tidy_up(session)


def _tidy_up(session: Session) -> None:
    with suppress(HostError):
        session.to_idle()


def _select(device: DfuDevice, session: Session, choice: str | None) -> Alternate:
    alternate = device.alternate(choice)
    session.select(alternate.number)
    return alternate


def _layout(alternate: Alternate) -> Layout:
    if alternate.layout is None:
        raise UsageError(f"alternate {alternate.number} has no memory layout: its name is {alternate.text!r}")
    return alternate.layout


def _range_to_read(alternate: Alternate, address: int | None, length: int | None) -> tuple[int, int]:
    """(address, length): by default from the first segment to the end of those that follow without a gap."""
    if address is None:
        address = _layout(alternate).segments[0].address
    end = contiguous_end(alternate.layout, address) if alternate.layout else None
    if length is None:
        if end is None:
            raise UsageError(f"0x{address:08x} is not in alternate {alternate.number}; give --length")
        length = end - address
    elif end is not None and address + length > end:
        raise UsageError(
            f"{length} bytes from 0x{address:08x} on are too many: the memory ends at 0x{end - 1:08x}"
        )
    return address, length


def _plans(device: DfuDevice, firmware: Firmware, choice: str | None, align: int) -> list[Plan]:
    """One plan for each alternate setting that the firmware has data for; nothing is sent yet."""
    suffix = firmware.suffix
    ids = (device.usb.idVendor, device.usb.idProduct)
    if suffix and not (suffix.idVendor in (_ANY_ID, ids[0]) and suffix.idProduct in (_ANY_ID, ids[1])):
        raise FileError(
            f"the file is for {suffix.idVendor:04x}:{suffix.idProduct:04x}, the device is {device.ids}"
        )
    elements: dict[Alternate, list[Element]] = {}
    for image in firmware.images:
        if image.alternate is not None and choice is not None:
            raise UsageError("a DfuSe file says itself which alternate settings it is for: leave out --alt")
        try:
            alternate = device.alternate(choice if image.alternate is None else str(image.alternate))
        except UsageError as error:
            if image.alternate is None:
                raise
            raise FileError(f"the file does not fit the device: {error}") from None
        elements.setdefault(alternate, []).extend(image.elements)
    return [plan_write(a.number, _layout(a), data, align) for a, data in elements.items()]


def _leave(session: Session, address: int | None) -> None:
    session.leave(address)
    where = "" if address is None else f" at 0x{address:08x}"
    say(f"told the device to start the application{where}")
